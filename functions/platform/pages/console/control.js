// @ts-check
/**
 * The control endpoint of a local stack (emulators/control): where it is and its token come with the page's URL, behind
 * the #, from whoever has started the stack.
 */
import { local } from "../common/accounts.js";

const STORED = "meridian.control";
const PORT = /^[1-9][0-9]{0,4}$/;
const TOKEN = /^[0-9a-f]{64}$/;

/**
 * @typedef {{action: string, regions: string[], reason: string}} Choice what may be done; why not, if it may not now
 * @typedef {{cell: string, region: string, site: string}} ServedCell
 * @typedef {{name: string, state: string, pid: number | null, port: number | null, seconds: number | null}} Process
 * @typedef {{regions: string[], cells: ServedCell[], killed: string[], cut: [string, string][],
 *   moved: Record<string, string>, choices: Choice[], processes: Process[]}} State
 * @typedef {{requests_per_second: number, failed_per_second: number, orders_per_second: number,
 *   order_p50_ms: number | null, order_p99_ms: number | null}} Rates
 * @typedef {{id: number, kind: "sale" | "region", action: string, subjects: string[], step: string, done: number,
 *   total: number, status: "running" | "done" | "failed", began_at: string, ended_at: string | null, failure: string,
 *   outcome: Record<string, unknown>}} Job
 * @typedef {{name: string, process: string, depth: number, began_ms: number, took_ms: number, failed: boolean}} Span
 * @typedef {{trace_id: string, spans: Span[], left_out: number}} Trace
 * @typedef {{supplies: number, units: number, buyers: number}} Size
 */

/** A refusal of the endpoint, in its own words. */
export class ControlProblem extends Error {}

export class Control {
  /**
   * @param {number} port
   * @param {string} token
   */
  constructor(port, token) {
    this._origin = `http://127.0.0.1:${port}`;
    this._token = token;
  }

  /** @returns {Promise<State>} */
  state() {
    return this._send("GET", "/state");
  }

  /** @returns {Promise<Record<string, Rates | null>>} by site */
  async rates() {
    return (await this._send("GET", "/rates")).sites;
  }

  /** @returns {Promise<Job[]>} the newest first */
  async jobs() {
    return (await this._send("GET", "/jobs")).jobs;
  }

  /**
   * @param {string[]} ids
   * @returns {Promise<Trace[]>}
   */
  async traces(ids) {
    const query = new URLSearchParams(ids.map((id) => ["id", id]));
    return (await this._send("GET", `/traces?${query}`)).traces;
  }

  /**
   * @param {string} action
   * @param {{regions?: string[], size?: Size}} [about]
   * @returns {Promise<Job>}
   */
  start(action, about = {}) {
    return this._send("POST", "/jobs", { action, ...about });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async _send(method, path, body) {
    const headers = { Authorization: `Bearer ${this._token}`, ...(body !== undefined && { "Content-Type": "application/json" }) };
    let response;
    try {
      response = await fetch(this._origin + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: "omit" });
    } catch {
      throw new ControlProblem("The stack’s control endpoint does not answer. Is the stack still up?");
    }
    const answer = await response.json();
    if (!response.ok) throw new ControlProblem(answer.detail);
    return answer;
  }
}

/**
 * The endpoint of the stack that this page is of; null if the page does not know it. Takes the token out of the address
 * bar, so that it is in no bookmark and no history.
 *
 * @returns {Control | null}
 */
export function controlOfPage() {
  if (!local) return null;
  const given = new URLSearchParams(location.hash.slice(1));
  const [port, token] = [given.get("control") ?? "", given.get("token") ?? ""];
  if (PORT.test(port) && TOKEN.test(token)) {
    sessionStorage.setItem(STORED, JSON.stringify({ port, token }));
    history.replaceState(null, "", `${location.pathname}#live`);
  }
  const kept = JSON.parse(sessionStorage.getItem(STORED) ?? "null");
  return kept ? new Control(Number(kept.port), kept.token) : null;
}
