import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Piece, PieceReceiver, PieceSender } from './pieces.ts';

const message = fc.uint8Array({ maxLength: 40 });

it('a channel that loses, repeats and reorders still carries every message once, in order', () => {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 9 }),
      fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
      (messages, pieceBytes, fate) => {
        const wire: Piece[] = [];
        const sender = new PieceSender(pieceBytes, (piece) => wire.push(piece));
        const receiver = new PieceReceiver();
        const arrived: number[][] = [];
        let lastConfirmation = 0;
        for (const bytes of messages) sender.push(bytes);
        for (let turn = 0; sender.unconfirmed > 0; turn++) {
          if (turn > 10_000) throw new Error('no end in sight');
          if (wire.length === 0) sender.repeat();
          const luck = fate.next().value;
          // Any piece may come next; some are lost, some stay on the wire and come again.
          const at = luck % wire.length;
          const piece = luck === 3 ? wire[at]! : wire.splice(at, 1)[0]!;
          if (luck === 5) continue;
          const whole = receiver.accept(piece);
          if (whole) arrived.push([...whole]);
          // Confirmations are lost, and come late, too.
          if (luck !== 7) sender.confirm(luck === 8 ? lastConfirmation : receiver.next);
          lastConfirmation = receiver.next;
        }
        expect(arrived).toEqual(messages.map((bytes) => [...bytes]));
      },
    ),
  );
});

it('never has more than a window under way, and goes on as pieces are confirmed', () => {
  const transmitted: Piece[] = [];
  const sender = new PieceSender(10, (piece) => transmitted.push(piece));
  sender.push(new Uint8Array(1_000));
  expect(transmitted.map(({ number }) => number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(sender.confirm(3)).toBe(true);
  expect(transmitted.slice(8).map(({ number }) => number)).toEqual([8, 9, 10]);
  expect(sender.confirm(3)).toBe(false);
  expect(sender.unconfirmed).toBe(97);
  transmitted.length = 0;
  sender.repeat();
  expect(transmitted.map(({ number }) => number)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
});

it('a confirmation of what was never transmitted is not believed', () => {
  const sender = new PieceSender(10, () => {});
  sender.push(new Uint8Array(200));
  sender.confirm(1_000);
  expect(sender.unconfirmed).toBe(12);
});

it('an empty message is one piece', () => {
  const pieces: Piece[] = [];
  new PieceSender(10, (piece) => pieces.push(piece)).push(new Uint8Array(0));
  expect(pieces).toHaveLength(1);
  expect(new PieceReceiver().accept(pieces[0]!)).toHaveLength(0);
});
