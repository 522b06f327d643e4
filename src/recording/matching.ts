import type { ExchangeRequest } from './exchange.ts';
import type { Fixture } from './fixture-directory.ts';

/** Where two requests differ first, as `messages.0.content`. `undefined` stands for what is not there. */
interface Difference {
  readonly path: string;
  readonly recorded: unknown;
  readonly asked: unknown;
}

/** Past these, one request is as far away as another. */
const MOST_DIFFERENCES = 10_000;
const ANOTHER_PATH = 2 * MOST_DIFFERENCES;

/** Whether the recorded request is the one that is asked; the order of keys does not count. */
export const isSame = (recorded: ExchangeRequest, asked: ExchangeRequest): boolean =>
  recorded.method === asked.method && differences(recorded, asked).next().done === true;

/**
 * Why no fixture answers a request, in words that name
 * the nearest one and the first path at which it differs.
 */
export function explainMiss(fixtures: readonly Fixture[], asked: ExchangeRequest): string {
  const name = `${asked.method} ${asked.path}`;
  const distances = fixtures
    .filter(({ exchange }) => exchange.request.method === asked.method)
    .map((fixture) => ({ fixture, distance: distanceOf(fixture.exchange.request, asked) }));
  const [nearest] = distances.sort((one, other) => one.distance - other.distance);
  if (!nearest) return `replay: no ${asked.method} was recorded, and ${name} is asked. Record again.`;
  const { file, exchange } = nearest.fixture;
  const { value: first } = differences(exchange.request, asked).next();
  if (!first) {
    return `replay: ${name} is asked more often than it was recorded (last as ${file}). Record again.`;
  }
  const [recorded, now] = shown(first.recorded, first.asked);
  return `replay: ${name} was recorded differently. The nearest is ${file}: ${first.path}: recorded ${recorded}, asked ${now}. Record again if this is meant.`;
}

function distanceOf(recorded: ExchangeRequest, asked: ExchangeRequest): number {
  const [path, before] = [asked.path, recorded.path].map((one) => one.split('?', 1)[0] ?? '') as [
    string,
    string,
  ];
  if (path !== before) return ANOTHER_PATH - commonLength(path, before);
  let count = 0;
  for (const _ of differences(recorded, asked)) if (++count >= MOST_DIFFERENCES) break;
  return count;
}

function* differences(recorded: ExchangeRequest, asked: ExchangeRequest): Generator<Difference, undefined> {
  yield* valueDifferences(recorded.path, asked.path, ['path']);
  if (recorded.body.type === 'json' && asked.body.type === 'json') {
    yield* valueDifferences(recorded.body.json, asked.body.json, []);
  } else {
    yield* valueDifferences(recorded.body, asked.body, ['body']);
  }
}

function* valueDifferences(
  recorded: unknown,
  asked: unknown,
  path: readonly string[],
): Generator<Difference> {
  if (recorded === asked) return;
  if (!isContainer(recorded) || !isContainer(asked) || Array.isArray(recorded) !== Array.isArray(asked)) {
    yield { path: path.join('.') || 'body', recorded, asked };
    return;
  }
  for (const key of new Set([...Object.keys(recorded), ...Object.keys(asked)])) {
    yield* valueDifferences(own(recorded, key), own(asked, key), [...path, key]);
  }
}

type Container = Readonly<Record<string, unknown>>;

const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;
const own = (value: Container, key: string) => (Object.hasOwn(value, key) ? value[key] : undefined);

const LONGEST_SHOWN = 100;
/** What is shown of two long texts before they part. */
const SHOWN_BEFORE = 30;

function shown(recorded: unknown, asked: unknown): [string, string] {
  let from = 0;
  if (typeof recorded === 'string' && typeof asked === 'string') {
    const common = commonLength(recorded, asked);
    if (common > SHOWN_BEFORE) from = common - SHOWN_BEFORE;
  }
  return [excerpt(recorded, from), excerpt(asked, from)];
}

function excerpt(value: unknown, from: number): string {
  if (value === undefined) return 'nothing';
  if (typeof value !== 'string') return shortened(JSON.stringify(value));
  return `${from > 0 ? '…' : ''}${JSON.stringify(shortened(value.slice(from)))}`;
}

const shortened = (text: string) => (text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text);

function commonLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}
