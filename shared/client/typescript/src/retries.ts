/** When a request is sent again: only what does no more when it is repeated, or what certainly did nothing. */
import fetchRetry from "fetch-retry";

export interface Retries {
  /** How many times a request is sent at most. */
  attempts?: number;
}

/** RFC 9110, section 9.2.2. */
const IDEMPOTENT = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"];

/** POSTs without an idempotency key of which doing them twice has the effect of doing them once. */
const REPEATABLE = /\/v1\/claims$|\/v1\/orders\/quote$|\/cancel$|\/enable$/;

/** Answers that leave open whether the request had an effect. */
const UNAVAILABLE = [502, 503, 504];

/** A fetch that sends a request until its response is final, with exponential backoff and full jitter. */
export function retrying({ attempts = 8 }: Retries): (request: Request) => Promise<Response> {
  const send = fetchRetry(fetch);
  return (request) => {
    const repeatable =
      IDEMPOTENT.includes(request.method) ||
      request.headers.has("Idempotency-Key") ||
      REPEATABLE.test(new URL(request.url).pathname);
    return send(request, {
      retryOn: async (attempt, error, response) =>
        attempt + 1 < attempts && (error ? repeatable : response !== null && (await isTransient(response, repeatable))),
      retryDelay: (attempt, _, response) =>
        Number(response?.headers.get("Retry-After") ?? 0) * 1_000 + Math.random() * Math.min(200 * 2 ** attempt, 10_000),
    });
  };
}

async function isTransient(response: Response, repeatable: boolean): Promise<boolean> {
  if (response.status === 429) return true;
  if (UNAVAILABLE.includes(response.status)) return repeatable;
  if (response.status !== 409) return false;
  return (await response.clone().text()).includes('"IDEMPOTENCY_IN_PROGRESS"');
}
