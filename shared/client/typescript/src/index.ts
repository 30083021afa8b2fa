/**
 * A typed client of Meridian's API: `createMeridian({ baseUrl, tokens })`.
 *
 * Paths, parameters, bodies and answers are typed by schema.ts, which `make typescript` generates from the OpenAPI
 * document. A session is refreshed before it expires, and what may be sent again is, with the same idempotency key.
 */
import createClient, { type Client, type Middleware } from "openapi-fetch";

import { retrying, type Retries } from "./retries.js";
import type { components, paths } from "./schema.js";

export { iterate, type Page } from "./paging.js";
export type { Retries } from "./retries.js";
export type { components, paths } from "./schema.js";

export type Order = components["schemas"]["Order"];
export type Problem = components["schemas"]["Problem"];
export type Tokens = components["schemas"]["Tokens"];

/** The local stack. */
const LOCAL = "http://127.0.0.1:8080";

/** How long before its access token expires a session is refreshed, in milliseconds. */
const RENEW = 60_000;

const UNPAID: readonly string[] = ["pending", "confirmed"];
const PAID: readonly string[] = ["paid", "claimed", "completed"];

export interface Options {
  /** Of the API; by default that of a stack on this machine. */
  baseUrl?: string;
  /** Of a user who has signed in, as `signIn` returns them; without any, only what is public can be called. */
  tokens?: Tokens;
  retries?: Retries;
}

/** openapi-fetch's client: `meridian.GET("/v1/orders/{order_id}", ...)` resolves to `{ data }` or `{ error }`. */
export type Meridian = Client<paths>;

/** A response with an error status, with its problem document (RFC 9457). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** Without members where the response did not come from Meridian. */
    readonly problem: Partial<Problem>,
  ) {
    super(`${status} ${problem.code ?? ""}: ${problem.detail ?? ""}`);
  }
}

/** An order that was waited for has ended without being paid, or was refunded. */
export class OrderEnded extends Error {
  constructor(readonly order: Order) {
    super(`${order.id} is ${order.status}${order.failure ? `: ${order.failure.code}` : ""}`);
  }
}

export function createMeridian({ baseUrl = LOCAL, tokens, retries = {} }: Options = {}): Meridian {
  const client = createClient<paths>({ baseUrl, fetch: retrying(retries) });
  if (tokens) client.use(session(createClient<paths>({ baseUrl, fetch: retrying(retries) }), tokens));
  return client;
}

/** A fresh idempotency key: `params: { header: idempotencyKey() }`. */
export function idempotencyKey(): { "Idempotency-Key": string } {
  return { "Idempotency-Key": crypto.randomUUID() };
}

/** The data of a result. Throws ApiError if it is an error. */
export function unwrap<T>(result: { data?: T; error?: unknown; response: Response }): T {
  if (!result.response.ok) throw new ApiError(result.response.status, problemIn(result.error));
  return result.data as T;
}

/**
 * Sign in as the holder of an Ethereum address.
 *
 * @param sign signs an EIP-4361 message (EIP-191), such as `signMessage` of an ethers or viem account
 */
export async function signIn(
  baseUrl: string,
  address: string,
  sign: (message: string) => Promise<string>,
  chainId = 31337,
): Promise<Tokens> {
  const anybody = createMeridian({ baseUrl });
  const { message } = unwrap(await anybody.POST("/v1/auth/nonce", { body: { address, chain_id: chainId } }));
  return unwrap(await anybody.POST("/v1/auth/sign-in", { body: { message, signature: await sign(message) } }));
}

/**
 * Wait until an order is paid, and return it: then it can be claimed.
 *
 * Throws OrderEnded if it failed, expired, was cancelled or refunded, and ApiError.
 *
 * @param within after how many milliseconds to throw an Error instead
 */
export async function waitUntilPaid(meridian: Meridian, orderId: string, within = 60_000): Promise<Order> {
  const until = Date.now() + within;
  for (let pause = 200; ; pause = Math.min(pause * 1.5, 2_000)) {
    const order = unwrap(await meridian.GET("/v1/orders/{order_id}", { params: { path: { order_id: orderId } } }));
    if (PAID.includes(order.status)) return order;
    if (!UNPAID.includes(order.status)) throw new OrderEnded(order);
    if (Date.now() + pause > until) throw new Error(`${orderId} is still ${order.status} after ${within} ms`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Sends the access token with each request, and refreshes it before it expires; calls that wait for that share one. */
function session(client: Meridian, tokens: Tokens): Middleware {
  let current = Promise.resolve(tokens);
  let renewAt = Date.now() + tokens.expires_in * 1_000 - RENEW;
  const renew = async (old: Tokens): Promise<Tokens> => {
    const body = { refresh_token: old.refresh_token };
    const { data } = await client.POST("/v1/auth/refresh", { body });
    if (data) renewAt = Date.now() + data.expires_in * 1_000 - RENEW;
    return data ?? old; // a session that cannot be refreshed is over, and the answer to the request says so
  };
  return {
    async onRequest({ request }) {
      if (Date.now() > renewAt) {
        renewAt = Infinity;
        current = current.then(renew);
      }
      request.headers.set("Authorization", `Bearer ${(await current).access_token}`);
      return request;
    },
  };
}

function problemIn(error: unknown): Partial<Problem> {
  return typeof error === "object" && error !== null ? error : {};
}
