/** Tokens: a JWT signed HS256 whose `sub` is the user. In development mode (no secret) anybody may be anyone. */
import { createSigner, createVerifier } from 'fast-jwt';
import { CLOSES, type CloseEntry } from '../protocol/errors.ts';

/** What a good token gives. Both in seconds since the epoch. */
export interface Grant {
  /** 0 when the token does not say; the present in development mode. */
  issuedAt: number;
  /** Infinity in development mode. */
  expiresAt: number;
}

export interface Refusal {
  /** The code with which a WebSocket is refused; over HTTP it is always 401. */
  close: CloseEntry;
  problem: string;
}

export interface Authenticator {
  /** Whether this token is good for this user. */
  admit(user: string, token: string): Grant | Refusal;
  /** The same for who needs no more: null when the token is good, else why not. */
  refuse(user: string, token: string): string | null;
  /** Null when the bearer of this token is an administrator, else why not. */
  refuseAdministrator(token: string): string | null;
}

export interface AuthenticatorOptions {
  /** Null: development mode. */
  secret: string | null;
  /** ms since the epoch. */
  now: () => number;
  /** Tokens of a user that were issued up to this time (seconds since the epoch) are revoked. */
  revokedUpTo: (user: string) => number;
}

export function createAuthenticator({ secret, now, revokedUpTo }: AuthenticatorOptions): Authenticator {
  if (secret === null) {
    return {
      admit: () => ({ issuedAt: Math.floor(now() / 1_000), expiresAt: Number.POSITIVE_INFINITY }),
      refuse: () => null,
      refuseAdministrator: () => null,
    };
  }
  const verifyUser = createVerifier({ key: secret, algorithms: ['HS256'], requiredClaims: ['sub', 'exp'] });
  const verifyAdministrator = createVerifier({ key: secret, algorithms: ['HS256'], requiredClaims: ['exp'] });

  function admit(user: string, token: string): Grant | Refusal {
    const claims = read(verifyUser, token);
    if (typeof claims === 'string') return { close: CLOSES.unauthorised, problem: claims };
    if (claims.sub !== user) return { close: CLOSES.unauthorised, problem: 'the token belongs to another user' };
    const issuedAt = typeof claims.iat === 'number' ? claims.iat : 0;
    if (issuedAt <= revokedUpTo(user)) return { close: CLOSES.revoked, problem: CLOSES.revoked.text };
    return { issuedAt, expiresAt: claims.exp };
  }

  return {
    admit,
    refuse(user, token) {
      const access = admit(user, token);
      return 'problem' in access ? access.problem : null;
    },
    refuseAdministrator(token) {
      const claims = read(verifyAdministrator, token);
      if (typeof claims === 'string') return claims;
      return claims.admin === true ? null : 'the token is not an administrator’s';
    },
  };
}

interface Claims {
  sub?: unknown;
  exp: number;
  iat?: unknown;
  admin?: unknown;
}

/** Its claims if it is signed and in force, else why not. */
function read(verify: (token: string) => unknown, token: string): Claims | string {
  if (token === '') return 'no token was given';
  try {
    return verify(token) as Claims;
  } catch (error) {
    return (error as { code?: string }).code === 'FAST_JWT_EXPIRED'
      ? 'the token has expired'
      : 'the token is not valid';
  }
}

/** A token for tests and tools. */
export function signToken(
  secret: string,
  user: string,
  expiresInSeconds: number,
  claims: Record<string, unknown> = {},
): string {
  return createSigner({ key: secret, algorithm: 'HS256', expiresIn: expiresInSeconds * 1_000 })({
    sub: user,
    ...claims,
  });
}
