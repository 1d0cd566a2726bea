import { describe, expect, it } from 'vitest';
import { createRandom } from '../random.ts';
import { drawRequest, isOfUser, type RequestSource, type RequestTemplate } from './http-requests.ts';

function template(path: string, more: Partial<RequestTemplate> = {}): RequestTemplate {
  return { method: 'GET', path, headers: {}, weight: 1, ...more };
}

function source(...templates: RequestTemplate[]): RequestSource {
  return { templates, drawUser: () => 7, drawPeer: (user) => user + 1, sign: (user) => `token-of-${user}` };
}

const random = createRandom(1);

describe('a call', () => {
  it('has users in path, headers and body, and the token of its user', () => {
    const post = template('/v1/messages?user={user}', {
      method: 'POST',
      headers: { 'X-To': '{peer}' },
      body: '{"to":"{peer}","from":"{user}"}',
    });
    expect(drawRequest(source(post), random)).toEqual({
      method: 'POST',
      path: '/v1/messages?user=u7',
      headers: { 'X-To': 'u8', authorization: 'Bearer token-of-u7' },
      body: '{"to":"u8","from":"u7"}',
    });
  });

  it('has no token where it is nobody’s, where none is asked for, and where the scenario brings its own', () => {
    expect(drawRequest(source(template('/v1/route?user={peer}')), random)).toMatchObject({
      path: '/v1/route?user=u8',
      headers: {},
    });
    expect(drawRequest({ ...source(template('/{user}')), sign: undefined }, random).headers).toEqual({});
    const own = template('/{user}', { headers: { Authorization: 'Basic x' } });
    expect(drawRequest(source(own), random).headers).toEqual({ Authorization: 'Basic x' });
  });

  it('is drawn by weight', () => {
    const from = source(template('/often', { weight: 3 }), template('/seldom', { weight: 1 }));
    const drawn = Array.from({ length: 4_000 }, () => drawRequest(from, random).path);
    const often = drawn.filter((path) => path === '/often').length;
    // Within 5 standard deviations of the binomial.
    expect(Math.abs(often - 3_000)).toBeLessThan(5 * Math.sqrt(4_000 * 0.75 * 0.25));
  });

  it.each<[RequestTemplate, boolean]>([
    [template('/v1/timeline?user={user}'), true],
    [template('/', { body: '{user}' }), true],
    [template('/', { headers: { 'x-user': '{user}' } }), true],
    [template('/v1/route?user={peer}'), false],
    [template('/v1/shards'), false],
  ])('%j belongs to a user: %s', (request, ofUser) => {
    expect(isOfUser(request)).toBe(ofUser);
  });
});
