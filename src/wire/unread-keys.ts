import { isRecord } from './blocks.ts';

/** Keys of a `message_delta`, and of its `delta`, that are read. */
const OF_EVENT = new Set(['type', 'delta', 'usage', 'input_transformations']);
const OF_DELTA = new Set(['stop_reason', 'stop_sequence', 'stop_details', 'container']);

/** What a `message_delta` says beside what is read, and that is not null. */
export function unreadOf(event: Readonly<Record<string, unknown>>): [string, unknown][] {
  const delta = isRecord(event['delta']) ? event['delta'] : {};
  const unread = (record: object, known: ReadonlySet<string>) =>
    Object.entries(record).filter(([key, value]) => !known.has(key) && value !== null);
  return [...unread(event, OF_EVENT), ...unread(delta, OF_DELTA)];
}
