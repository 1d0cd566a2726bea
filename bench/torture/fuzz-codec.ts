/**
 * The codec against random and mutated input, both directions, binary and JSON:
 * decoding throws nothing but FrameError; what was encoded decodes to the same; what decodes is encoded to the same bytes;
 * an encoder refuses, with FrameError, exactly what the other side's decoder would refuse.
 */
import { isDeepStrictEqual } from 'node:util';
import { createRandom, type Random } from '../../loadgen/random.ts';
import { decodeClientFrames, decodeServerFrames, FrameError, FrameWriter } from '../../server/protocol/codec.ts';
import {
  decodeClientJson,
  encodeClientJson,
  jsonFromServerFrames,
  serverFramesFromJson,
} from '../../server/protocol/codec-json.ts';
import type { ClientMessage, ServerMessage } from '../../server/protocol/messages.ts';
import { anyClientMessage, anyNames, anyServerMessage, mutate, mutateText } from './fuzz-frames.ts';
import { clientSink, serverSink, writeClientMessage, writeServerMessage } from './message-frames.ts';

export interface CodecFuzzResult {
  frames: number;
  /** Inputs that were decoded, and that were refused. */
  accepted: number;
  refused: number;
  problems: string[];
}

const PROBLEMS_KEPT = 20;

export function fuzzCodec(seed: number, frames: number): CodecFuzzResult {
  const fuzz = new CodecFuzz(createRandom(seed));
  while (fuzz.result.frames < frames && fuzz.result.problems.length < PROBLEMS_KEPT) fuzz.step();
  return fuzz.result;
}

class CodecFuzz {
  readonly result: CodecFuzzResult = { frames: 0, accepted: 0, refused: 0, problems: [] };
  readonly #random: Random;
  readonly #writer = new FrameWriter();
  #lastClient: Buffer = Buffer.alloc(0);
  #lastServer: Buffer = Buffer.alloc(0);
  #lastText = '{}';

  constructor(random: Random) {
    this.#random = random;
  }

  step(): void {
    const random = this.#random;
    const wild = random.integer(3) === 0;
    const names = anyNames(random, wild);
    const client = Array.from({ length: 1 + random.integer(3) }, () => anyClientMessage(random, names, wild));
    const server = Array.from({ length: 1 + random.integer(3) }, () => anyServerMessage(random, names, wild));
    const clientBytes = this.#roundTrip(client, writeClientMessage, readClient);
    const serverBytes = this.#roundTrip(server, writeServerMessage, readServer);
    if (clientBytes !== undefined) {
      this.#hostile(mutate(random, clientBytes, this.#lastClient), readClient, writeClientMessage);
      this.#lastClient = clientBytes;
      this.#clientJson(client);
    }
    if (serverBytes !== undefined) {
      this.#hostile(mutate(random, serverBytes, this.#lastServer), readServer, writeServerMessage);
      this.#lastServer = serverBytes;
      this.#serverJson(server, serverBytes);
    }
  }

  /** Encode and decode; returns the bytes, or undefined when the encoder refused. */
  #roundTrip<Message>(
    messages: Message[],
    write: (writer: FrameWriter, message: Message) => void,
    read: (bytes: Buffer) => Message[],
  ): Buffer | undefined {
    this.result.frames += messages.length;
    this.#writer.reset();
    try {
      for (const message of messages) write(this.#writer, message);
    } catch (error) {
      this.result.refused++;
      if (!(error instanceof FrameError)) this.#problem('encoding threw', error, messages);
      return undefined;
    }
    const bytes = this.#writer.take();
    try {
      const decoded = read(bytes);
      this.result.accepted++;
      if (!isDeepStrictEqual(decoded, messages)) this.#problem('it decodes to something else', decoded, messages);
    } catch (error) {
      this.#problem('what was encoded is refused', error, messages);
    }
    return bytes;
  }

  /** Bytes from anywhere: FrameError, or messages that encode to the same bytes. */
  #hostile<Message>(
    bytes: Buffer,
    read: (bytes: Buffer) => Message[],
    write: (writer: FrameWriter, message: Message) => void,
  ): void {
    this.result.frames++;
    let messages: Message[];
    try {
      messages = read(bytes);
      this.result.accepted++;
    } catch (error) {
      this.result.refused++;
      if (!(error instanceof FrameError)) this.#problem('decoding threw', error, bytes.toString('hex'));
      return;
    }
    try {
      this.#writer.reset();
      for (const message of messages) write(this.#writer, message);
      if (!this.#writer.view().equals(bytes))
        this.#problem('it is encoded differently', messages, bytes.toString('hex'));
    } catch (error) {
      this.#problem('what was decoded can not be encoded', error, bytes.toString('hex'));
    }
  }

  #clientJson(messages: ClientMessage[]): void {
    for (const message of messages) {
      this.result.frames += 2;
      const text = encodeClientJson(message);
      const decoded: ClientMessage[] = [];
      try {
        decodeClientJson(text, clientSink(decoded));
        if (!isDeepStrictEqual(decoded, [message]))
          this.#problem('its JSON decodes to something else', decoded, message);
      } catch (error) {
        this.#problem('its JSON is refused', error, text);
      }
      this.#hostileText(mutateText(this.#random, text, this.#lastText), (mutated) =>
        decodeClientJson(mutated, clientSink([])),
      );
      this.#lastText = text;
    }
  }

  #serverJson(messages: ServerMessage[], bytes: Buffer): void {
    const texts = jsonFromServerFrames(bytes);
    const decoded: ServerMessage[] = [];
    try {
      for (const text of texts) serverFramesFromJson(text, serverSink(decoded));
      if (!isDeepStrictEqual(decoded, messages)) this.#problem('its JSON decodes to something else', decoded, messages);
    } catch (error) {
      this.#problem('its JSON is refused', error, texts);
    }
    for (const text of texts) {
      this.result.frames += 2;
      this.#hostileText(mutateText(this.#random, text, this.#lastText), (mutated) =>
        serverFramesFromJson(mutated, serverSink([])),
      );
    }
  }

  #hostileText(text: string, decode: (text: string) => void): void {
    try {
      decode(text);
      this.result.accepted++;
    } catch (error) {
      this.result.refused++;
      if (!(error instanceof FrameError)) this.#problem('decoding threw', error, text);
    }
  }

  #problem(what: string, detail: unknown, input: unknown): void {
    if (this.result.problems.length >= PROBLEMS_KEPT) return;
    const text = detail instanceof Error ? `${detail.name}: ${detail.message}` : JSON.stringify(detail);
    this.result.problems.push(`${what} (${text.slice(0, 300)}): ${JSON.stringify(input).slice(0, 600)}`);
  }
}

function readClient(bytes: Buffer): ClientMessage[] {
  const list: ClientMessage[] = [];
  decodeClientFrames(bytes, clientSink(list));
  return list;
}

function readServer(bytes: Buffer): ServerMessage[] {
  const list: ServerMessage[] = [];
  decodeServerFrames(bytes, serverSink(list));
  return list;
}
