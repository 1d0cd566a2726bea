/** What every notification provider keeps (provider.ts). Runs against a real HTTP receiver. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpReceiver } from '../testing/http-receiver.ts';
import type { Notification, NotificationProvider, Target } from './provider.ts';

export interface ProviderSubject {
  /** A provider whose attempts end after `timeoutMs`, that reaches the receiver at `url`. */
  open(url: string, timeoutMs: number): Promise<NotificationProvider>;
  /** What a device gives to be reached there. */
  given(url: string): Record<string, unknown>;
  /** The header by which repeats are told. */
  idHeader: string;
  /** Statuses that void the registration. */
  gone: number[];
}

export const NOTIFICATION: Notification = {
  id: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYX',
  user: 'bob',
  device: 'phone',
  count: 2,
  from: 'alice',
  firstSeq: 4,
  lastSeq: 5,
  time: 1_700_000_000_000,
};

const SECRET_PATH = '/hook/s3cret';

export function providerSuite(name: string, subject: ProviderSubject): void {
  describe(`the ${name} provider`, () => {
    let receiver: HttpReceiver;
    let url: string;
    let provider: NotificationProvider;
    let target: Target;

    beforeEach(async () => {
      receiver = await HttpReceiver.start();
      url = `${receiver.url}${SECRET_PATH}`;
      provider = await subject.open(url, 500);
      target = provider.read(subject.given(url)) as Target;
    });

    afterEach(async () => {
      provider.close();
      await receiver.stop();
    });

    it('reads what a device gives', () => {
      expect(target).toMatchObject({ provider: name });
    });

    it.each([200, 201, 204])('has handed over when the answer is %i', async (status) => {
      receiver.answer = (response) => response.writeHead(status).end();
      expect(await provider.send(NOTIFICATION, target)).toEqual({ outcome: 'accepted' });
      expect(receiver.requests).toHaveLength(1);
      expect(receiver.requests[0]).toMatchObject({ method: 'POST', path: SECRET_PATH });
    });

    it('carries the same id in every attempt', async () => {
      await provider.send(NOTIFICATION, target);
      await provider.send(NOTIFICATION, target);
      expect(receiver.requests.map(({ headers }) => headers[subject.idHeader])).toEqual([
        NOTIFICATION.id,
        NOTIFICATION.id,
      ]);
    });

    it.each([
      { status: 408, untaken: false },
      { status: 429, untaken: true },
      { status: 500, untaken: false },
      { status: 502, untaken: false },
      { status: 503, untaken: true },
    ])('may try again after $status', async ({ status, untaken }) => {
      receiver.answer = (response) => response.writeHead(status).end('x');
      expect(await provider.send(NOTIFICATION, target)).toMatchObject({ outcome: 'retry', retryAfterMs: 0, untaken });
    });

    it('tells how long to wait', async () => {
      receiver.answer = (response) => response.writeHead(503, { 'retry-after': '120' }).end();
      expect(await provider.send(NOTIFICATION, target)).toMatchObject({ outcome: 'retry', retryAfterMs: 120_000 });
    });

    it.each([400, 401, 403, 413])('gives up at %i', async (status) => {
      receiver.answer = (response) => response.writeHead(status).end();
      expect(await provider.send(NOTIFICATION, target)).toMatchObject({ outcome: 'refused' });
    });

    it('follows no redirect', async () => {
      receiver.answer = (response) => response.writeHead(307, { location: url }).end();
      const result = await provider.send(NOTIFICATION, target);
      expect(result).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('redirect') });
      expect(receiver.requests).toHaveLength(1);
    });

    it(`takes the registration for void at ${subject.gone.join(' and ')}`, async () => {
      for (const status of [404, 410]) {
        receiver.answer = (response) => response.writeHead(status).end();
        const { outcome } = await provider.send(NOTIFICATION, target);
        expect(outcome).toBe(subject.gone.includes(status) ? 'gone' : 'refused');
      }
    });

    it('waits for an answer, and not without end', async () => {
      receiver.answer = () => {};
      const result = await provider.send(NOTIFICATION, target);
      expect(result).toMatchObject({ outcome: 'retry', untaken: false });
    });

    it('is not held up by an answer without end', async () => {
      receiver.answer = (response) => {
        response.writeHead(201);
        const more = (): void => void (response.destroyed || response.write(Buffer.alloc(4_096), more));
        more();
      };
      expect(await provider.send(NOTIFICATION, target)).toEqual({ outcome: 'accepted' });
    });

    it('knows that nothing was taken when nobody listens', async () => {
      await receiver.stop();
      expect(await provider.send(NOTIFICATION, target)).toMatchObject({ outcome: 'retry', untaken: true });
    });

    it('ends attempts under way when it is closed', async () => {
      receiver.answer = () => provider.close();
      expect(await provider.send(NOTIFICATION, target)).toMatchObject({ outcome: 'retry', untaken: false });
      expect(await provider.send(NOTIFICATION, target)).toMatchObject({ outcome: 'retry', untaken: true });
    });

    it('puts no secret into a reason', async () => {
      for (const status of [307, 403, 410, 500]) {
        receiver.answer = (response) => response.writeHead(status).end();
        expect(JSON.stringify(await provider.send(NOTIFICATION, target))).not.toContain('s3cret');
      }
      receiver.answer = (response) => response.destroy();
      expect(JSON.stringify(await provider.send(NOTIFICATION, target))).not.toContain('s3cret');
    });
  });
}
