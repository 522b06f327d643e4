import { EmulatorError } from '../emulator/protocol/emulator-error.ts';
import { failure, invalidRequest } from '../emulator/protocol/http.ts';
import { Ids } from '../emulator/protocol/ids.ts';
import type { RecordedRequest } from '../emulator/protocol/received-request.ts';
import { piecesOf, readWhole } from './body.ts';
import { type Exchange, type ExchangeBody, type ExchangeRequest, pathOf } from './exchange.ts';
import { type Fixture, readFixtures } from './fixture-directory.ts';
import { explainMiss, isSame } from './matching.ts';
import { NO_REQUEST_ID, type Redact, redactRequest } from './redaction.ts';

/** Options of {@link replay}. */
export interface ReplayOptions {
  /**
   * The function that the recorder had. Here it gets what is asked, with an empty answer, so that both are
   * compared in the same form. It may also even out what differs each time, such as the date in a prompt.
   */
  readonly redact?: Redact | undefined;
}

/** Recorded exchanges, served. */
export interface Replay {
  /** For the SDK's client: `new Anthropic({ apiKey: 'none', fetch: replayed.fetch })`. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Every request so far, in order, also those that nothing answered. */
  readonly requests: readonly RecordedRequest[];
  /**
   * @throws {EmulatorError} `.code` `fixtures_left_over`,
   * with a table of the exchanges that no request asked for.
   */
  assertDone(): void;
}

/** An error that is repeated need not be waited for as long as the API asked. */
const RETRY_AT_ONCE = { 'retry-after-ms': '1' };
const NO_ANSWER: Exchange['response'] = { status: 200, headers: {}, body: { type: 'none' }, end: 'whole' };

/**
 * Serves what `recorder()` recorded, without a key and without a network. A request gets
 * the answer to the recorded one of the same method, path, query and content: JSON with its
 * keys in any order, uploads by the name, type and size of each file. Headers do not count.
 *
 * Each exchange is served once, equal ones in the order in which they were recorded; a GET that is asked
 * more often gets the last answer again. Any other request is answered with HTTP 400 and a message that
 * names the nearest exchange and the first path that differs. Needs Node; the fixtures are read at once.
 *
 * @throws {EmulatorError} `.code` `not_node`, `fixtures_missing`,
 * or `fixture_damaged` naming the file and the field.
 *
 * @example
 * ```ts
 * const replayed = replay('test/fixtures/plot');
 * const client = new Anthropic({ apiKey: 'none', fetch: replayed.fetch });
 * const turn = await runTurn(client, params);
 * replayed.assertDone();
 * ```
 */
export function replay(directory: string | URL, options: ReplayOptions = {}): Replay {
  const { redact = (exchange) => exchange } = options;
  const fixtures = readFixtures(directory);
  const served = new Set<Fixture>();
  const requests: RecordedRequest[] = [];
  const ids = new Ids();

  /**
   * The first that was not served yet. Nothing is awaited, so that two requests at once cannot get the same.
   */
  function take(asked: ExchangeRequest): Fixture | undefined {
    const same = fixtures.filter(({ exchange }) => isSame(exchange.request, asked));
    const fixture =
      same.find((one) => !served.has(one)) ?? (asked.method === 'GET' ? same.at(-1) : undefined);
    if (fixture) served.add(fixture);
    return fixture;
  }

  return {
    requests,
    async fetch(input, init) {
      const request = new Request(input, init);
      request.signal.throwIfAborted();
      const { method, headers } = request;
      const path = pathOf(request.url);
      const body = await readWhole(request);
      requests.push({
        method,
        path,
        headers: Object.fromEntries(headers),
        body: body.type === 'json' ? body.json : null,
      });
      const plain = redactRequest({ method, path, headers: Object.fromEntries(headers), body }, request.url);
      const { request: asked } = redact({ version: 1, request: plain, response: NO_ANSWER });
      const fixture = take(asked);
      if (fixture) return answerOf(fixture, request.signal);
      return failure(invalidRequest(explainMiss(fixtures, asked)), ids);
    },
    assertDone() {
      const left = fixtures.filter((fixture) => !served.has(fixture));
      if (left.length === 0) return;
      const rows = left.map(
        ({ file, exchange: { request, response } }) =>
          `  ${file}  ${request.method} ${request.path}  ${response.status}`,
      );
      throw new EmulatorError(
        `${left.length} of ${fixtures.length} recorded exchanges were not served, because no request asked for them:\n${rows.join('\n')}`,
        { code: 'fixtures_left_over' },
      );
    },
  };
}

function answerOf({ file, exchange }: Fixture, signal: AbortSignal): Response {
  const { status, headers, body, end } = exchange.response;
  const contentType = headers['content-type'] ?? '';
  const isStream = contentType.includes('event-stream');
  const init = {
    status,
    headers: {
      ...headers,
      'request-id': NO_REQUEST_ID,
      ...(status >= 400 ? RETRY_AT_ONCE : {}),
      // A download is checked against it.
      ...(end === 'whole' && !isStream ? { 'content-length': String(lengthOf(body, contentType)) } : {}),
    },
  };
  if (body.type === 'none' && end === 'whole') return new Response(null, init);
  const pieces = piecesOf(body, contentType);
  const source = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        signal.throwIfAborted();
        const { done, value } = pieces.next();
        if (!done) return controller.enqueue(value);
        if (end === 'whole') return controller.close();
        // As a broken connection looks in Node.
        const why = end === 'broken' ? 'the connection broke' : 'the caller stopped reading';
        throw new TypeError('terminated', {
          cause: new Error(`replay: when ${file} was recorded, ${why} here.`),
        });
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(source, init);
}

function lengthOf(body: ExchangeBody, contentType: string): number {
  let length = 0;
  for (const piece of piecesOf(body, contentType)) length += piece.length;
  return length;
}
