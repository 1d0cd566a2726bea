import { expect, it } from 'vitest';
import { renderJson } from './render-json.ts';
import { sampleModel } from './sample-model.ts';

it('keeps every value', () => {
  const { summary } = sampleModel();
  expect(JSON.parse(renderJson(summary!))).toEqual(summary);
});

it('gives the same text whatever order the fields were set in', () => {
  const { summary } = sampleModel();
  const reversed = Object.fromEntries(Object.entries(summary!).reverse()) as unknown as NonNullable<typeof summary>;
  reversed.ledger = Object.fromEntries(Object.entries(summary!.ledger).reverse()) as unknown as typeof reversed.ledger;
  expect(renderJson(reversed)).toBe(renderJson(summary!));
});
