/** Tokens: a JWT signed HS256 whose `sub` is the user. In development mode (no secret) anybody may be anyone. */
import { createSigner, createVerifier } from 'fast-jwt';

export interface Authenticator {
  /** Null when the token is good for this user, else why not. */
  refuse(user: string, token: string): string | null;
}

export function createAuthenticator(secret: string | null): Authenticator {
  if (secret === null) return { refuse: () => null };
  const verify = createVerifier({ key: secret, algorithms: ['HS256'], requiredClaims: ['sub', 'exp'] });
  return {
    refuse(user, token) {
      if (token === '') return 'no token was given';
      try {
        const claims = verify(token) as { sub?: unknown };
        return claims.sub === user ? null : 'the token belongs to another user';
      } catch (error) {
        return (error as { code?: string }).code === 'FAST_JWT_EXPIRED'
          ? 'the token has expired'
          : 'the token is not valid';
      }
    },
  };
}

/** A token for tests and tools. */
export function signToken(secret: string, user: string, expiresInSeconds: number): string {
  return createSigner({ key: secret, algorithm: 'HS256', expiresIn: expiresInSeconds * 1_000 })({ sub: user });
}
