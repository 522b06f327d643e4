import { invalidRequest } from '../protocol/http.ts';

/** A page of a list whose cursors are ids. */
export interface IdPage<T> {
  readonly data: readonly T[];
  readonly has_more: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
}

/** The part of a list that `limit`, `after_id` and `before_id` ask for. */
export function idPage<T extends { readonly id: string }>(
  all: readonly T[],
  query: URLSearchParams,
): IdPage<T> {
  const place = (name: string): number | undefined => {
    const id = query.get(name);
    if (id === null) return undefined;
    const index = all.findIndex((one) => one.id === id);
    if (index < 0) throw invalidRequest(`${name}: \`${id}\` is not in this list`);
    return index;
  };
  const limit = limitOf(query);
  const [after, before] = [place('after_id'), place('before_id')];
  const end = before ?? all.length;
  // After a cursor, or right before one.
  const start = before === undefined ? (after ?? -1) + 1 : Math.max((after ?? -1) + 1, end - limit);
  const data = all.slice(start, Math.min(start + limit, end));
  const hasMore = before === undefined ? start + data.length < all.length : start > 0;
  return { data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

export function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get('limit') ?? 20);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw invalidRequest('limit: must be 1 to 1000');
}
