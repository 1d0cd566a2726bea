import { describe, expect, it } from 'vitest';
import {
  jsonTemplate,
  matcher,
  placeholders,
  reader,
  textTemplate,
  urlTemplate,
  wholeNumber,
} from './json-template.ts';

describe('a template', () => {
  it('takes values for what they are, and text around them as text', () => {
    const fill = jsonTemplate({ id: '{id}', ref: 'm-{id}', to: ['{to}'], n: 1, ok: true, none: null });
    expect(JSON.parse(fill({ id: 17, to: 'bob' }))).toEqual({
      id: 17,
      ref: 'm-17',
      to: ['bob'],
      n: 1,
      ok: true,
      none: null,
    });
  });

  it('escapes whatever a value has in it', () => {
    const nasty = '"}\\\n{id}\u2028ü';
    const fill = jsonTemplate({ a: '{body}', b: 'x {body} y' });
    expect(JSON.parse(fill({ body: nasty }))).toEqual({ a: nasty, b: `x ${nasty} y` });
  });

  it('may be no object at all', () => {
    expect(jsonTemplate(['join', '{user}'])({ user: 'a' })).toBe('["join","a"]');
    expect(jsonTemplate('{id}')({ id: 3 })).toBe('3');
    expect(jsonTemplate(null)({})).toBe('null');
  });

  it('of an address encodes its values, but for the target', () => {
    const fill = urlTemplate('{target}/c?u={user}&t={token}');
    expect(fill({ target: 'ws://h:1', user: 'zoë & co', token: '' })).toBe('ws://h:1/c?u=zo%C3%AB%20%26%20co&t=');
    expect(textTemplate('Bearer {token}')({ token: 'a.b' })).toBe('Bearer a.b');
  });

  it('names its placeholders', () => {
    expect(placeholders({ '{a}': ['x{b}', { c: '{d}' }], e: '{ no }' })).toEqual(['a', 'b', 'd']);
  });
});

it.each([
  ['data.id', { data: { id: 5 } }, 5],
  ['1.from', ['said', { from: 'a' }], 'a'],
  ['data.id', { data: null }, undefined],
  ['data.id.x', { data: { id: 'text' } }, undefined],
  ['toString', {}, undefined],
  ['a', undefined, undefined],
])('the path %s of %j leads to %j', (path, frame, value) => {
  expect(reader(path)(frame)).toEqual(value);
});

it.each([
  [{ type: 'sent' }, { type: 'sent' }, true],
  [{ type: 'sent' }, { type: 'error' }, false],
  [{ type: 'sent', 'd.ok': true }, { type: 'sent', d: { ok: true } }, true],
  [{ type: 'sent', 'd.ok': true }, { type: 'sent' }, false],
  [{ code: [1004, 1006] }, { code: 1006 }, true],
  [{ code: [1004, 1006] }, { code: '1006' }, false],
  [{ ack: '*' }, { ack: 0 }, true],
  [{ ack: '*' }, {}, false],
  [{ from: '{user}' }, { from: 'me' }, true],
  [{ from: '{user}' }, { from: 'you' }, false],
  [{ gone: null }, { gone: null }, true],
])('%j says of %j: %s', (condition, frame, fits) => {
  expect(matcher(condition)(frame, 'me')).toBe(fits);
});

it.each([
  [17, 17],
  ['17', 17],
  ['m-17', 17],
  ['user4-17x', 17],
  [0, 0],
  [-1, undefined],
  [1.5, undefined],
  ['none', undefined],
  [null, undefined],
  [2 ** 60, undefined],
])('%j read as a whole number is %s', (value, number) => {
  expect(wholeNumber(value)).toBe(number);
});
