import { asText, isRecord } from './blocks.ts';
import { printable } from './turn-break.ts';

/** Where gateways put what they say, in any case: AWS writes `Message`. */
const KEYS = [
  'error',
  'errors',
  'message',
  'errormessage',
  'detail',
  'details',
  'error_description',
  'msg',
  'title',
  'reason',
];
const KIND_KEYS = ['type', '__type', 'code', 'status', 'status_code'];
/** Nested deeper, it is no report of an error. */
const DEEPEST = 5;

/** What a server says of an error, whichever way it writes that; `undefined` where it says nothing. */
export function wordsOf(value: unknown, depth = 0): string | undefined {
  if (typeof value === 'string') return printable(value.slice(0, 1000)) || undefined;
  if (depth === DEEPEST) return undefined;
  const held = Array.isArray(value) ? value.slice(0, 10) : isRecord(value) ? valuesOf(value) : [];
  const words = new Set(held.map((one) => wordsOf(one, depth + 1)));
  words.delete(undefined);
  return [...words].join(': ').slice(0, 1000) || undefined;
}

function valuesOf(value: Readonly<Record<string, unknown>>): unknown[] {
  const byKey = new Map(Object.entries(value).map(([key, held]) => [key.toLowerCase(), held]));
  return KEYS.map((key) => byKey.get(key));
}

/** What a server calls an error, as a name where it has one, and what a program reads: a status first. */
export function kindOf(value: unknown): { readonly name: string; readonly subject: string } {
  const outer = isRecord(value) ? value : {};
  const inner = isRecord(outer['error']) ? outer['error'] : {};
  const kinds = [inner, outer].flatMap((one) => KIND_KEYS.map((key) => one[key]));
  const names = kinds.filter((kind) => typeof kind === 'string' && kind !== '' && kind !== 'error');
  const status = kinds.find((kind) => /^[45]\d\d$/.test(asText(kind)));
  const name = asText(names[0] ?? status ?? 'unknown_error');
  return { name, subject: asText(status ?? name) };
}

/** Whether an event that is none of the API's reports an error. */
export function reportsError(event: unknown): boolean {
  if (Array.isArray(event)) return event.some(reportsError);
  return isRecord(event) && (event['error'] ?? event['errors'] ?? null) !== null;
}
