/**
 * Which addresses a user may make the server post to: those of known push services, nothing else. A subscription is text
 * from a stranger; without this rule it would reach every host that the server can.
 */
const ENDPOINT_MOST_BYTES = 2_048;
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Reads an endpoint. `hosts`: names, `*.` for any subdomain, with a port or without (then the usual one). Only `https`,
 * except to a loopback address that is listed itself, which may have any port (a push service of one's own, a test).
 * A text says what is wrong.
 */
export function readPushEndpoint(endpoint: unknown, hosts: readonly string[]): URL | string {
  if (typeof endpoint !== 'string' || endpoint === '') return 'subscription.endpoint must be a URL';
  if (Buffer.byteLength(endpoint) > ENDPOINT_MOST_BYTES) {
    return `subscription.endpoint must have at most ${ENDPOINT_MOST_BYTES} bytes`;
  }
  if (!URL.canParse(endpoint)) return 'subscription.endpoint must be a URL';
  const url = new URL(endpoint);
  if (url.username !== '' || url.password !== '') return 'subscription.endpoint must not hold a user name';
  const loopback = LOOPBACK.has(url.hostname) && hosts.includes(url.hostname);
  if (url.protocol !== 'https:' && !(loopback && url.protocol === 'http:')) {
    return 'subscription.endpoint must be an https URL';
  }
  if (!loopback && !hosts.some((host) => matches(url, host))) {
    return `this server does not send to the push service at ${url.host}`;
  }
  return url;
}

function matches(url: URL, allowed: string): boolean {
  const host = /:\d+$/.test(allowed) ? url.host : url.port === '' ? url.hostname : null;
  if (host === null) return false;
  if (!allowed.startsWith('*.')) return host === allowed;
  return host.endsWith(allowed.slice(1)) && host.length > allowed.length - 1;
}

/** What is wrong with a name in the list, or null. */
export function pushHostProblem(host: string): string | null {
  const name = host.startsWith('*.') ? host.slice(2) : host;
  const url = `https://${name}/`;
  // A name that the URL parser would write in another way (capitals, a path, other scripts) could never match.
  if (name !== '' && !name.includes('*') && URL.canParse(url) && new URL(url).host === name) return null;
  return `"${host}" is not a host name such as push.example.com or *.example.com`;
}
