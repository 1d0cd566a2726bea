/**
 * The other end of Web Push for tests, by the standards and without the package that the server uses: a browser's
 * subscription, decryption of what comes for it (RFC 8291, RFC 8188), and verification of VAPID's signature (RFC 8292).
 */
import { createDecipheriv, createECDH, createPublicKey, type ECDH, hkdfSync, randomBytes, verify } from 'node:crypto';

export class PushReceiver {
  #keys: ECDH = createECDH('prime256v1');
  #auth = randomBytes(16);

  constructor() {
    this.#keys.generateKeys();
  }

  subscription(endpoint: string): { endpoint: string; keys: { p256dh: string; auth: string } } {
    return {
      endpoint,
      keys: { p256dh: this.#keys.getPublicKey('base64url'), auth: this.#auth.toString('base64url') },
    };
  }

  /** The text of an `aes128gcm` body; throws when it was not made for this subscription. */
  decrypt(body: Buffer): string {
    const salt = body.subarray(0, 16);
    const senderKey = body.subarray(21, 21 + body[20]!);
    const sealed = body.subarray(21 + body[20]!);
    const shared = this.#keys.computeSecret(senderKey);
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), this.#keys.getPublicKey(), senderKey]);
    const secret = derive(shared, this.#auth, info, 32);
    const key = derive(secret, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
    const nonce = derive(secret, salt, Buffer.from('Content-Encoding: nonce\0'), 12);
    const decipher = createDecipheriv('aes-128-gcm', key, nonce);
    decipher.setAuthTag(sealed.subarray(-16));
    const plain = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
    // The last record ends with a 2 and padding.
    return plain.subarray(0, plain.lastIndexOf(2)).toString();
  }
}

/** The claims of an `Authorization: vapid …` header; throws unless it is signed by the key that it names. */
export function verifyVapid(header: string): { claims: { aud: string; exp: number; sub: string }; publicKey: string } {
  const [, token, publicKey] = /^vapid t=([^,]+), ?k=([\w-]+)$/.exec(header) ?? [];
  if (token === undefined || publicKey === undefined) throw new Error(`not a VAPID header: ${header}`);
  const [head, claims, signature] = token.split('.') as [string, string, string];
  const point = Buffer.from(publicKey, 'base64url');
  const key = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  });
  const good = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  if (!good) throw new Error('the VAPID signature is wrong');
  return { claims: JSON.parse(Buffer.from(claims, 'base64url').toString()), publicKey };
}

function derive(secret: Buffer, salt: Buffer, info: Buffer, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, length));
}
