/** The part of OpenAPI 3.1 that the document uses. */
import type { Status } from './http-status.ts';

export type Method = 'get' | 'post' | 'put' | 'delete';

/** A JSON Schema (2020-12). */
export type Schema = { readonly [keyword: string]: unknown };

export interface Parameter {
  name: string;
  in: 'query' | 'path';
  required?: boolean;
  description: string;
  schema: Schema;
  style?: 'form';
  explode?: boolean;
  example?: unknown;
}

export interface Content {
  [type: string]: { schema: Schema; example?: unknown };
}

export interface Answer {
  description: string;
  headers?: { [name: string]: { description: string; schema: Schema } };
  content?: Content;
}

export interface Operation {
  operationId: string;
  tags: Array<'router' | 'shard'>;
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { required: boolean; description?: string; content: Content };
  responses: { [status in Status]?: Answer | { $ref: string } };
  security?: Array<Record<string, string[]>>;
}

export type PathItem = { [method in Method]?: Operation };
export type Paths = Record<string, PathItem>;

export interface OpenApiDocument {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string };
  servers: Array<{ url: string; description: string }>;
  tags: Array<{ name: string; description: string }>;
  security: Array<Record<string, string[]>>;
  paths: Paths;
  components: {
    schemas: Record<string, Schema>;
    responses: Record<string, Answer>;
    securitySchemes: Record<string, object>;
  };
}
