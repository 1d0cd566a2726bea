/**
 * Sending over HTTP: the same path as on a WebSocket, with the same client message ids, so a client that got no answer repeats
 * the request and gets the original result.
 */
import type { Device, UserState } from '../messenger/user-state.ts';
import type { Volume } from '../messenger/volume.ts';
import { type ClientFrames, FrameError } from '../protocol/codec.ts';
import { decodeClientObject, forEachTwin } from '../protocol/codec-json.ts';
import { type CloseEntry, ERRORS } from '../protocol/errors.ts';
import { type Access, grantedUser, loadUser, volumeOf } from './http-access.ts';
import type { HttpApi } from './http-api.ts';
import { HttpProblem, problemOf } from './http-problem.ts';
import type { HttpCall } from './http-request.ts';
import { jsonMessageBytes } from './websocket.ts';

export function serveMessages(api: HttpApi, access: Access, maxBodyBytes: number): void {
  api.post('/v1/messages', async (call) => {
    const { user: name, issuedAt } = grantedUser(call, access);
    const volume = volumeOf(call, access, 'user', name);
    const fields = await call.json(jsonMessageBytes(maxBodyBytes));
    if (bodyBytes(fields) > maxBodyBytes) throw problemOf(ERRORS.bodyTooLarge);
    const message = readMessage(fields);
    const user = await loadUser(volume, name);
    const device = new SendingDevice(user, issuedAt, call);
    call.onAbort = () => {
      device.closed = true;
    };
    message(volume, device);
  });
}

type Sendable = (volume: Volume, device: Device) => void;

/** `{"id", "to" or "group", "body" or "bodyBase64"}`, as in a `send` frame. */
function readMessage(fields: Record<string, unknown>): Sendable {
  let message: Sendable | undefined;
  try {
    decodeClientObject(
      { ...fields, type: 'send' },
      {
        ...NO_FRAMES,
        send(id, to, body) {
          message = (volume, device) => volume.sending.send(device, id, to, body);
        },
        sendGroup(id, group, body) {
          message = (volume, device) => volume.sending.sendGroup(device, id, group, body);
        },
      },
    );
  } catch (error) {
    if (error instanceof FrameError) throw new HttpProblem(400, error.reason);
    throw error;
  }
  return message!;
}

function bodyBytes({ body, bodyBase64 }: Record<string, unknown>): number {
  if (typeof body === 'string') return Buffer.byteLength(body);
  return typeof bodyBase64 === 'string' ? Buffer.byteLength(bodyBase64, 'base64') : 0;
}

const NO_FRAMES: ClientFrames = { send() {}, ack() {}, status() {}, sendGroup() {}, group() {}, presence() {} };

/** Somewhere for the result of one send to go. It is no connection: it is never among the user's devices. */
class SendingDevice implements Device {
  readonly user: UserState;
  readonly issuedAt: number;
  /** Nothing of the timeline is ever shown to it. */
  pushed = Number.MAX_SAFE_INTEGER;
  live = false;
  sentAhead: Set<number> | null = null;
  closed = false;
  readonly #call: HttpCall;

  constructor(user: UserState, issuedAt: number, call: HttpCall) {
    this.user = user;
    this.issuedAt = issuedAt;
    this.#call = call;
  }

  write(frames: Buffer): void {
    forEachTwin(frames, ({ type, ...result }) => {
      if (type === 'sent') this.#call.reply(200, result);
      else if (type === 'error') {
        const { code, text, retryAfterMs } = result as { code: number; text: string; retryAfterMs: number };
        this.#call.replyProblem(problemOf({ code, text }, retryAfterMs));
      }
    });
    this.closed = this.#call.answered;
  }

  writeLater(frames: Buffer): void {
    this.write(frames);
  }

  backlogBytes(): number {
    return 0;
  }

  close(entry: CloseEntry): void {
    this.#call.replyProblem(new HttpProblem(429, entry.text, { code: entry.code }));
    this.closed = true;
  }
}
