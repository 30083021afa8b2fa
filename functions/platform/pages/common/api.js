// @ts-check
/**
 * A client of the API, typed by its OpenAPI document: `await api.get("/v1/orders/{order_id}", { path: { order_id } })`.
 *
 * A request is sent again while its outcome is open and repeating it does no more, a purchase under the same
 * idempotency key; an access token that has expired is renewed once. What fails throws `ApiProblem`.
 */

/** @import { Answer, Method, PathOf, Problem, Rest } from "./contract" */

/** How often a request is sent at most: of a write somebody has to know the outcome, a read is soon asked for again. */
const ATTEMPTS_TO_READ = 3;
const ATTEMPTS_TO_WRITE = 6;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/** Answers that leave open whether the request had an effect (RFC 9110, 15.6). */
const UNAVAILABLE = [502, 503, 504];

/** What may be sent twice though it has no idempotency key. */
const REPEATABLE = /\/v1\/claims$|\/v1\/orders\/quote$|\/cancel$|\/enable$|\/v1\/auth\/nonce$/;

/** @returns {string} an idempotency key: one for each thing that is wanted once, whatever is tried for it */
export function newKey() {
  return crypto.randomUUID();
}

/** A request that was refused, or had no answer: with a problem document (RFC 9457) if one came. */
export class ApiProblem extends Error {
  /**
   * @param {number} status 0 if there was no answer
   * @param {Partial<Problem>} problem
   */
  constructor(status, problem) {
    super(problem.detail ?? (status ? `The answer was ${status}.` : "There was no answer. Is the server running?"));
    this.status = status;
    this.problem = problem;
  }

  /** The stable code, for a program; empty without a problem document. */
  get code() {
    return this.problem.code ?? "";
  }
}

/**
 * @typedef {object} Credentials
 * @property {() => Promise<string | null>} token the access token; null for nobody's
 * @property {() => Promise<boolean>} renew whether there is another access token, after one was refused
 */

export class Api {
  /** @param {Credentials} [credentials] of who has signed in; without them, what is public can be called */
  constructor(credentials) {
    this._credentials = credentials;
  }

  /**
   * @template {PathOf<"get">} P
   * @param {P} path
   * @param {Rest<P, "get">} rest
   * @returns {Promise<Answer<P, "get">>}
   */
  get(path, ...rest) {
    return this._send("get", path, rest[0]);
  }

  /**
   * @template {PathOf<"post">} P
   * @param {P} path
   * @param {Rest<P, "post">} rest
   * @returns {Promise<Answer<P, "post">>}
   */
  post(path, ...rest) {
    return this._send("post", path, rest[0]);
  }

  /**
   * @template {PathOf<"patch">} P
   * @param {P} path
   * @param {Rest<P, "patch">} rest
   * @returns {Promise<Answer<P, "patch">>}
   */
  patch(path, ...rest) {
    return this._send("patch", path, rest[0]);
  }

  /**
   * @template {PathOf<"delete">} P
   * @param {P} path
   * @param {Rest<P, "delete">} rest
   * @returns {Promise<Answer<P, "delete">>}
   */
  delete(path, ...rest) {
    return this._send("delete", path, rest[0]);
  }

  /**
   * @param {Method} method
   * @param {string} path
   * @param {Given} given
   * @returns {Promise<any>}
   */
  async _send(method, path, given = {}) {
    const url = urlOf(path, given);
    const repeatable = method !== "post" || given.key !== undefined || REPEATABLE.test(url.pathname);
    const attempts = method === "get" ? ATTEMPTS_TO_READ : ATTEMPTS_TO_WRITE;
    for (let attempt = 1, renewed = false; ; attempt++) {
      const response = await this._once(method, url, given, repeatable && attempt < attempts);
      if (response?.ok) return response.status === 204 ? undefined : response.json();
      const problem = response ? await problemIn(response) : {};
      if (response?.status === 401 && !renewed && (await this._credentials?.renew())) {
        renewed = true;
      } else if (attempt < attempts && (!response || isTransient(response, problem, repeatable))) {
        await pause(attempt, response, given.signal);
      } else {
        throw new ApiProblem(response?.status ?? 0, problem);
      }
    }
  }

  /**
   * The response; null for none, if it may be tried again.
   *
   * @param {Method} method
   * @param {URL} url
   * @param {Given} given
   * @param {boolean} again whether it will be tried again
   * @returns {Promise<Response | null>}
   */
  async _once(method, url, given, again) {
    const token = await this._credentials?.token();
    const headers = {
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(given.key && { "Idempotency-Key": given.key }),
      ...(given.match && { "If-Match": given.match }),
      ...(given.body !== undefined && { "Content-Type": "application/json" }),
    };
    const body = given.body === undefined ? undefined : JSON.stringify(given.body);
    try {
      return await fetch(url, { method: method.toUpperCase(), headers, body, signal: given.signal });
    } catch (error) {
      if (given.signal?.aborted) throw error;
      if (again) return null;
      throw new ApiProblem(0, {});
    }
  }
}

/** @typedef {{path?: object, query?: object, body?: unknown, key?: string, match?: string, signal?: AbortSignal}} Given */

/**
 * @param {string} path
 * @param {Given} given
 */
function urlOf(path, given) {
  const values = Object.entries(given.path ?? {});
  const filled = values.reduce((text, [name, value]) => text.replace(`{${name}}`, encodeURIComponent(value)), path);
  const url = new URL(filled, location.origin);
  for (const [name, value] of Object.entries(given.query ?? {})) {
    if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
  }
  return url;
}

/**
 * @param {Response} response
 * @returns {Promise<Partial<Problem>>}
 */
async function problemIn(response) {
  const known = response.headers.get("Content-Type")?.startsWith("application/problem+json");
  return known ? response.json() : {};
}

/**
 * @param {Response} response
 * @param {Partial<Problem>} problem
 * @param {boolean} repeatable
 */
function isTransient(response, problem, repeatable) {
  if (response.status === 429 || problem.code === "IDEMPOTENCY_IN_PROGRESS") return true;
  return UNAVAILABLE.includes(response.status) && repeatable;
}

/**
 * Wait before the next attempt: as long as the answer says, else longer each time, with jitter.
 *
 * @param {number} attempt
 * @param {Response | null} response
 * @param {AbortSignal} [signal]
 */
function pause(attempt, response, signal) {
  const backoff = Math.random() * Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
  const told = Number(response?.headers.get("Retry-After") ?? 0) * 1_000;
  return wait(told + backoff, signal);
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal] ends the wait early, by its reason
 * @returns {Promise<void>}
 */
export function wait(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}
