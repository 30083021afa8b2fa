/** Lists as iterators. */
import { ApiError } from "./index.js";

/** What a list operation returns. */
export interface Page<T> {
  items: T[];
  /** Where the next page begins; null after the last. */
  next_cursor?: string | null;
}

/**
 * All items of a list, a page at a time, each when it is needed:
 *
 *     const ask = (cursor?: string) => meridian.GET("/v1/orders", { params: { query: { status: "paid", cursor } } });
 *     for await (const order of iterate(ask)) ...
 *
 * A feed (`/v1/activity`), which has no end, is iterated up to its newest item. Throws ApiError.
 */
export async function* iterate<T>(
  ask: (cursor?: string) => Promise<{ data?: Page<T>; error?: unknown; response: Response }>,
): AsyncGenerator<T> {
  for (let cursor: string | undefined; ; ) {
    const { data, error, response } = await ask(cursor);
    if (!data) throw new ApiError(response.status, (error ?? {}) as Record<string, never>);
    yield* data.items;
    if (!data.next_cursor || data.next_cursor === cursor) return;
    cursor = data.next_cursor;
  }
}
