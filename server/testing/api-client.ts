/**
 * An HTTP client that holds every answer against the OpenAPI document: the path and method are in it, the status is one of
 * those it names, and the body fits the schema.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Answer, Method, OpenApiDocument, Operation, Schema } from '../transport/openapi-types.ts';
import type { Frame } from './test-client.ts';

export interface ApiAnswer {
  status: number;
  headers: Headers;
  /** Empty when it is no JSON. */
  body: ApiBody;
  text: string;
}

/** All fields that some answer has. */
export interface ApiBody {
  error?: string;
  code?: number;
  retryAfterMs?: number;
  url?: string;
  id?: number;
  seq?: number;
  time?: number;
  user?: string;
  head?: number;
  after?: number;
  reset?: { position: number };
  frames?: Frame[];
  entries?: Frame[];
  users?: Array<{ user: string; state: string }>;
  group?: string;
  groups?: Array<{ group: string; role: string }>;
  members?: number | Array<{ user: string; role: string }>;
  role?: string;
  receipts?: Frame[];
}

export interface ApiRequest {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export class ApiClient {
  readonly document: OpenApiDocument;
  /** `get /v1/poll 200` and the like, of all answers so far. */
  readonly seen = new Set<string>();
  #validator: SchemaValidator;

  constructor(document: OpenApiDocument) {
    this.document = document;
    this.#validator = new SchemaValidator(document);
  }

  static async of(url: string): Promise<ApiClient> {
    return new ApiClient((await (await fetch(`${url}/v1/openapi.json`)).json()) as OpenApiDocument);
  }

  get(url: string, request: ApiRequest = {}): Promise<ApiAnswer> {
    return this.request('get', url, request);
  }

  post(url: string, body: unknown, request: ApiRequest = {}): Promise<ApiAnswer> {
    return this.request('post', url, { body, ...request });
  }

  /** A body that is a string or bytes is sent as it is, anything else as JSON. */
  async request(method: Method, url: string, request: ApiRequest = {}): Promise<ApiAnswer> {
    const { body, signal = null, headers = {} } = request;
    const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(url, {
      method: method.toUpperCase(),
      headers,
      signal,
      ...(body === undefined ? null : { body: (raw ? body : JSON.stringify(body)) as string }),
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    const parsed: unknown = type === 'application/json' ? JSON.parse(text) : {};
    const answer = { status: response.status, headers: response.headers, body: parsed as ApiBody, text };
    this.#check(method, new URL(url).pathname, type, answer);
    return answer;
  }

  #check(method: Method, path: string, type: string, { status, body, text }: ApiAnswer): void {
    const [template, operation] = this.#operation(method, path);
    const what = `${method} ${template} ${status}`;
    this.seen.add(what);
    const answer = this.#resolve(operation.responses[status as keyof Operation['responses']], what);
    const content = answer.content?.[type];
    if (content === undefined) throw new Error(`${what} is ${type || 'nothing'}, which the document does not say`);
    const problem = this.#validator.problem(content.schema, type === 'application/json' ? body : text);
    if (problem !== null) throw new Error(`${what} does not fit the document: ${problem}: ${text}`);
  }

  #operation(method: Method, path: string): [template: string, operation: Operation] {
    for (const [template, item] of Object.entries(this.document.paths)) {
      const pattern = new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]*').replaceAll('.', '\\.')}$`);
      const operation = item[method];
      if (operation !== undefined && pattern.test(path)) return [template, operation];
    }
    throw new Error(`${method} ${path} is not in the document`);
  }

  #resolve(answer: Answer | { $ref: string } | undefined, what: string): Answer {
    if (answer === undefined) throw new Error(`${what} is not in the document`);
    return '$ref' in answer ? this.document.components.responses[answer.$ref.split('/').at(-1)!]! : answer;
  }
}

/** Checks values against the schemas of a document. */
export class SchemaValidator {
  #document: OpenApiDocument;
  #ajv = new Ajv2020({ strict: false });
  #compiled = new Map<Schema, ReturnType<Ajv2020['compile']>>();

  constructor(document: OpenApiDocument) {
    this.#document = document;
  }

  /** Why a value does not fit a schema, or null. */
  problem(schema: Schema, value: unknown): string | null {
    let validate = this.#compiled.get(schema);
    if (validate === undefined) {
      validate = this.#ajv.compile({ ...schema, components: this.#document.components });
      this.#compiled.set(schema, validate);
    }
    return validate(value) ? null : this.#ajv.errorsText(validate.errors);
  }
}
