import { describe, expect, it } from 'vitest';
import { AddressRate, addressKey } from './address-rate.ts';

describe('the rate of an address', () => {
  it('lets a burst pass, then as many as the rate allows', () => {
    const rate = new AddressRate({ perSecond: 4, burst: 3 });
    expect([1, 2, 3, 4].map(() => rate.admit(1, 1_000))).toEqual([0, 0, 0, 250]);
    expect(rate.admit(1, 1_249)).toBe(1);
    expect(rate.admit(1, 1_250)).toBe(0);
    expect(rate.admit(1, 1_250)).toBe(250);
    expect(rate.admit(2, 1_250)).toBe(0);
    expect(rate.refused).toBe(3);
  });

  it('forgets those whose time has passed', () => {
    const rate = new AddressRate({ perSecond: 1, burst: 10 });
    for (let i = 0; i < 50_000; i++) rate.admit(i, 0);
    rate.admit(0, 0);
    for (let round = 0; round < 4; round++) rate.sweep(1_000);
    expect(rate.size).toBe(1);
    for (let round = 0; round < 2; round++) rate.sweep(2_000);
    expect(rate.size).toBe(0);
  });

  it('remembers a bounded number, whoever comes', () => {
    const rate = new AddressRate({ perSecond: 1, burst: 1 }, 100);
    for (let i = 0; i < 10_000; i++) expect(rate.admit(`${i}`, 0)).toBe(0);
    expect(rate.size).toBe(100);
    expect(rate.admit('9999', 0)).toBe(1_000);
  });
});

describe('addresses', () => {
  const bytes = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
  it('of one IPv6 network of 64 bits are one', () => {
    const one = addressKey(bytes('20010db8 00010002 00000000 00000001'));
    expect(addressKey(bytes('20010db8 00010002 ffffffff ffffffff'))).toBe(one);
    expect(addressKey(bytes('20010db8 00010003 00000000 00000001'))).not.toBe(one);
  });

  it('of IPv4 are the same in IPv6’s clothes', () => {
    expect(addressKey(bytes('7f000001'))).toBe(0x7f000001);
    expect(addressKey(bytes('00000000 00000000 0000ffff 7f000001'))).toBe(0x7f000001);
    expect(addressKey(bytes('00000000 00000000 0000ffff 7f000002'))).not.toBe(0x7f000001);
  });
});
