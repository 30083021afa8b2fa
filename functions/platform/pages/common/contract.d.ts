/** What the API takes and answers, from the types that openapi-typescript makes of functions/openapi.json. */
import type { components, paths } from "../../../../shared/client/typescript/src/schema.js";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type Tokens = Schemas["Tokens"];

export type Method = "get" | "post" | "put" | "patch" | "delete";

/** The paths that answer to a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends { responses: unknown } ? P : never;
}[keyof paths];

type Json<R> = R extends { content: { "application/json": infer T } } ? T : undefined;

/** The body of a success. */
export type Answer<P extends keyof paths, M extends Method> = paths[P][M] extends { responses: infer R }
  ? Json<R[keyof R & (200 | 201 | 204)]>
  : never;

type Part<P, K extends string> = P extends { [key in K]: infer T }
  ? { [key in K]: T }
  : P extends { [key in K]?: infer T }
    ? [T] extends [undefined]
      ? unknown
      : { [key in K]?: T }
    : unknown;

type Body<O> = O extends { requestBody: { content: { "application/json": infer B } } } ? { body: B } : unknown;

type Headers<P> = P extends { header: infer H }
  ? (H extends { "Idempotency-Key": string } ? { key: string } : unknown) &
      (H extends { "If-Match": string } ? { match: string } : unknown)
  : unknown;

type Parts<O> = O extends { parameters: infer P }
  ? Part<P, "path"> & Part<P, "query"> & Headers<P> & Body<O> & { signal?: AbortSignal }
  : never;

/** The arguments behind the path: none are needed where nothing is required. */
export type Rest<P extends keyof paths, M extends Method> =
  object extends Parts<paths[P][M]> ? [given?: Parts<paths[P][M]>] : [given: Parts<paths[P][M]>];

/** An account that can sign: one of a browser's wallet, or a key of this page. */
export interface Account {
  /** In its EIP-55 form. */
  address: string;
  /** By its number in EIP-155; undefined if it signs for any. */
  chainId?: number;
  /** Sign a message as EIP-191 has it (`personal_sign`). Rejects if its owner declines. */
  sign(message: string): Promise<string>;
}

/** EIP-1193, as far as it is used. */
export interface Provider {
  request(call: { method: string; params?: unknown[] }): Promise<unknown>;
}

/** A wallet that has announced itself (EIP-6963). */
export interface Wallet {
  name: string;
  provider: Provider;
}
