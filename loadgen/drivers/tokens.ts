/** Tokens of users, as the reference server asks for them: a JWT (HS256) whose subject is the user. */
import { createSigner } from 'fast-jwt';

const LIFETIME_MS = 3_600_000;

/** Signs a token for a user; undefined without a secret: the server runs in development mode and asks for none. */
export function tokenSigner(secret: string | null | undefined): ((user: string) => string) | undefined {
  if (secret === undefined || secret === null) return undefined;
  const sign = createSigner({ key: secret, algorithm: 'HS256', expiresIn: LIFETIME_MS });
  return (user) => sign({ sub: user });
}
