import { isRecord } from './blocks.ts';

/**
 * A header of a response or of an error, by `get`: the classes of other people's `fetch` are not
 * the runtime's. A Map or a plain object, whose names have any case, is read as a last resort.
 */
export function headerOf(carrier: unknown, name: string): string | null {
  const headers = isRecord(carrier) ? (carrier['headers'] as Partial<Headers> | undefined) : undefined;
  if (!isRecord(headers)) return null;
  const value: unknown = typeof headers.get === 'function' ? headers.get(name) : undefined;
  if (typeof value === 'string') return value;
  const entries = headers instanceof Map ? [...headers] : Object.entries(headers);
  const found = entries.find(([key]) => String(key).toLowerCase() === name.toLowerCase())?.[1];
  return typeof found === 'string' || typeof found === 'number' ? String(found) : null;
}
