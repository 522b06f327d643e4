import { ownerOf } from '../sdk/client.ts';
import { unredirected } from '../sdk/redirects.ts';
import { bodyReaderOf, discard } from '../wire/reader.ts';
import { untilAborted } from '../wire/signals.ts';
import { SilenceTimer } from '../wire/silence-timer.ts';
import { silent, tooLarge } from '../wire/turn-break.ts';
import type { BatchesClient } from './client.ts';
import type { BatchOptions } from './options.ts';

/** Characters of one line at most: a message of the API is far smaller. */
const MOST_CHARACTERS = 256 * 1024 * 1024;

/** How results are read. */
export interface LineOptions extends Pick<BatchOptions, 'request'> {
  readonly signal: AbortSignal;
  readonly idleTimeoutMs: number;
}

/** The part of the SDK's client that gives a response before it is read. */
interface GettingClient {
  get(path: string, options: object): { asResponse(): Promise<Response> };
}

/**
 * The lines of a batch's results as they arrive, some at a time; the last one may be cut. The SDK's own
 * reader throws at the first line that is no JSON, and what comes after it is lost: so the bytes are read
 * here. A client that is not the SDK's gives values instead.
 *
 * @throws {TurnBreak} where nothing comes for too long.
 */
export async function* linesOf(
  client: BatchesClient,
  batchId: string,
  options: LineOptions,
): AsyncGenerator<readonly unknown[]> {
  const { signal, request = {} } = options;
  const owner = ownerOf(client) as (object & Partial<GettingClient>) | undefined;
  if (typeof owner?.get !== 'function') {
    const sent = { ...request, signal };
    const results = await untilAborted(
      Promise.resolve(client.messages.batches.results?.(batchId, undefined, sent)),
      signal,
    );
    for await (const result of results ?? []) yield [result];
    return;
  }
  const getter = owner as GettingClient;
  // By its path, and not by `results_url`: a proxy in between is asked as for everything else.
  const path = `/v1/messages/batches/${encodeURIComponent(batchId)}/results`;
  const response = await unredirected(client, { ...request, signal }, (sent) =>
    untilAborted(getter.get(path, sent).asResponse(), signal, discard),
  );
  yield* readLines(response, options);
}

async function* readLines(
  response: Response,
  { signal, idleTimeoutMs }: LineOptions,
): AsyncGenerator<readonly string[]> {
  const reader = bodyReaderOf(response.body ?? new Response('').body ?? new ReadableStream());
  const decoder = new TextDecoder();
  let isSilent = false;
  const silence = new SilenceTimer(idleTimeoutMs, () => {
    isSilent = true;
    reader.cancel();
  });
  /** Pieces of a line that has not ended: joined once, so that a long one costs no more than it is long. */
  let open: string[] = [];
  let length = 0;
  try {
    for (;;) {
      silence.begin();
      const { done, value } = await untilAborted(reader.read(), signal);
      silence.end();
      if (isSilent) throw silent(idleTimeoutMs);
      const text = value ? decoder.decode(value, { stream: true }) : decoder.decode();
      const lines = text.split('\n');
      const rest = lines.pop() ?? '';
      if (lines.length > 0) {
        lines[0] = open.join('') + lines[0];
        open = [];
        length = 0;
        yield lines;
      }
      open.push(rest);
      length += rest.length;
      if (length > MOST_CHARACTERS) {
        throw tooLarge(`One line of the results is larger than ${MOST_CHARACTERS} characters`, 'line');
      }
      if (done) break;
    }
    if (length > 0) yield [open.join('')];
  } finally {
    silence.clear();
    reader.cancel();
  }
}
