import { readerFor } from './body.ts';
import type { ExchangeResponse } from './exchange.ts';

/** After these, the API sends nothing more, and clients stop reading. */
const LAST_EVENT = /(^|\n)event: (message_stop|error)\r?\ndata:[^\r\n]*\r?\n\r?\n$/;

/** A response that is read by its caller, and what was read so far. */
export interface TappedResponse {
  readonly response: Response;
  /** The body so far; a body that was not read to its end counts as aborted. */
  received(): Pick<ExchangeResponse, 'body' | 'end'>;
  /** Settles when nothing more will come. */
  readonly ended: Promise<void>;
}

/**
 * The same response, whose body is noted while its caller reads it: live,
 * no faster than the caller reads, and ended when the caller stops.
 */
export function tap(
  response: Response,
  { isFile, signal }: { readonly isFile: boolean; readonly signal: AbortSignal | null | undefined },
): TappedResponse {
  const reader = readerFor(response.headers.get('content-type') ?? '', isFile);
  let end: ExchangeResponse['end'] | undefined;
  const received = () => ({ body: reader.body(), end: end ?? ('aborted' as const) });
  if (!response.body) {
    end = 'whole';
    return { response, received, ended: Promise.resolve() };
  }
  const source = response.body.getReader();
  let resolveEnded = () => {};
  const ended = new Promise<void>((resolve) => {
    resolveEnded = resolve;
  });
  const settle = (how: ExchangeResponse['end']) => {
    end ??= how;
    resolveEnded();
  };

  async function read(): Promise<Uint8Array | undefined> {
    const { value } = await source.read();
    if (value && !end) reader.push(value);
    return value;
  }

  /**
   * The SDK drops the body of an error that it answers with a retry. It
   * is short, and a fixture without it would not be what the API said.
   */
  async function readRest(): Promise<void> {
    while (await read());
    settle('whole');
  }

  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = await read();
          // No reader takes it any more.
          if (isCancelled) return;
          if (chunk) return controller.enqueue(chunk);
          settle('whole');
          controller.close();
        } catch (error) {
          const isAbort = signal?.aborted || (error as Error | undefined)?.name === 'AbortError';
          settle(isAbort ? 'aborted' : 'broken');
          throw error;
        }
      },
      async cancel(reason) {
        isCancelled = true;
        if (!response.ok && !signal?.aborted) {
          // Not awaited: a reader that cancels does not want to wait for it.
          void readRest().catch(() => settle('broken'));
          return;
        }
        const { body: soFar } = received();
        settle(soFar.type === 'text' && LAST_EVENT.test(soFar.text) ? 'whole' : 'aborted');
        await source.cancel(reason);
      },
    },
    // Nothing is read before it is asked for.
    { highWaterMark: 0 },
  );
  const { status, statusText, headers, url } = response;
  const tapped = new Response(body, { status, statusText, headers });
  // A response that is made by hand has none.
  Object.defineProperty(tapped, 'url', { value: url });
  return { response: tapped, received, ended };
}
