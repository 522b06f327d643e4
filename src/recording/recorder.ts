import { EmulatorError } from '../emulator/protocol/emulator-error.ts';
import { InvalidInputError } from '../errors.ts';
import { readerFor, readWhole } from './body.ts';
import { checkExchange, type Exchange, type ExchangeBody, pathOf } from './exchange.ts';
import { fixtureName, prepareDirectory, reason } from './fixture-directory.ts';
import { holdsSecret, type Redact, redactExchange } from './redaction.ts';
import { type TappedResponse, tap } from './tap.ts';

/** A client of `@anthropic-ai/sdk`, of any cloud, as far as it is needed here. */
export interface RecordableClient {
  readonly middleware: readonly unknown[];
  withOptions(options: { readonly middleware?: readonly unknown[] | undefined }): unknown;
}

/** Options of {@link recorder}. */
export interface RecorderOptions<Client extends RecordableClient> {
  /** The client whose exchanges are recorded. It stays as it is: the one to use is the recorder's. */
  readonly client: Client;
  /** Where the fixtures go: made where it is missing, and refused where it holds some already. */
  readonly directory: string | URL;
  /**
   * Takes out your own secrets, after everything that is redacted anyway. Give the
   * same function to `replay()`, which compares what is asked in the same form.
   */
  readonly redact?: Redact | undefined;
}

/** Writes down what a client sends and receives. Disposing of it is `flush()`. */
export interface Recorder<Client extends RecordableClient> extends AsyncDisposable {
  /** The client to use: a copy of the one that was given, of the same type. */
  readonly client: Client;
  /** What was written so far, redacted, in the order of the requests. */
  readonly exchanges: readonly Exchange[];
  /**
   * Waits until everything is on disk. An answer that is still being
   * read is written as far as it came, and again when it ends.
   *
   * @throws {EmulatorError} `.code` `fixture_not_written`: the first one that could not be written;
   * `secret_left`: the first one in which a known secret is left. Neither is on disk.
   */
  flush(): Promise<void>;
}

/** A request of the SDK as its middleware gets it. */
type ApiRequest = RequestInit & { readonly headers: Headers; readonly url: string };
type Middleware = (
  request: ApiRequest,
  next: (request: ApiRequest) => Promise<Response>,
  context: { readonly options?: unknown; readonly logger: { error(message: string): void } },
) => Promise<Response>;

interface Entry {
  readonly number: number;
  readonly request: ApiRequest;
  readonly sentBody: () => Promise<ExchangeBody>;
  // Not the response: the SDK ends the request of one that its caller forgot.
  readonly status: number;
  readonly headers: Headers;
  readonly received: TappedResponse['received'];
  readonly logger: { error(message: string): void };
}

/**
 * Records real exchanges as fixtures: one JSON file for each request that got an answer, numbered in the
 * order of the requests, such as `0001-post-v1-messages.json`. `replay(directory)` serves them without a key.
 *
 * Answers reach the caller unchanged and live; streams are kept to the byte, also those that broke or
 * were aborted. Keys, secret fields, request ids, `metadata.user_id` and all headers but four are taken out.
 *
 * When a fixture cannot be written, or a secret is left in it, the client's logger says so at once, the next
 * request is refused before it is sent, and `flush()` throws; an answer that was paid for is never spoiled.
 * Needs Node.
 *
 * @throws {InvalidInputError} for a client that has no middleware.
 * @throws {EmulatorError} `.code` `not_node`, `fixtures_exist`, `fixture_not_written` or `secret_left`.
 *
 * @example
 * ```ts
 * const recording = recorder({ client: new Anthropic(), directory: 'test/fixtures/plot' });
 * const turn = await runTurn(recording.client, params);
 * await recording.flush();
 * ```
 */
export function recorder<Client extends RecordableClient>(
  options: RecorderOptions<Client>,
): Recorder<Client> {
  const { client, redact = (exchange) => exchange } = options;
  if (typeof client?.withOptions !== 'function' || !Array.isArray(client.middleware)) {
    throw new InvalidInputError(
      'recorder() takes { client, directory }, where client is one of @anthropic-ai/sdk, such as new Anthropic(); not its `beta`.',
    );
  }
  const directory = prepareDirectory(options.directory);
  const exchanges: Exchange[] = [];
  /** Answers that are still being read. */
  const open = new Set<Entry>();
  let requests = 0;
  let writes = Promise.resolve();
  let failure: EmulatorError | undefined;

  const record: Middleware = async (request, next, { options: call, logger }) => {
    // An exchange of credentials, which is no call of the API.
    if (call === undefined) return next(request);
    if (failure) throw failure;
    const number = ++requests;
    const { outgoing, sentBody } = watchBody(request);
    const response = await next(outgoing);
    const isFile = new URL(request.url).pathname.endsWith('/content');
    const tapped = tap(response, { isFile, signal: request.signal });
    const { received, ended } = tapped;
    const { status, headers } = response;
    const entry: Entry = { number, request, sentBody, status, headers, received, logger };
    open.add(entry);
    void ended.then(() => {
      open.delete(entry);
      save(entry);
    });
    return tapped.response;
  };

  /** One after the other: a fixture that is written twice ends with its last state. */
  function save(entry: Entry): void {
    writes = writes
      .then(() => write(entry))
      .catch((cause) => {
        failure ??= isSecretLeft(cause)
          ? cause
          : new EmulatorError(`The recorder cannot write ${nameOf(entry)}: ${reason(cause)}`, {
              code: 'fixture_not_written',
              cause,
            });
        entry.logger.error(failure.message);
      });
  }

  async function write(entry: Entry): Promise<void> {
    const { number, request, sentBody, status, headers, received } = entry;
    const exchange: Exchange = {
      version: 1,
      request: {
        method: (request.method ?? 'GET').toUpperCase(),
        path: pathOf(request.url),
        headers: Object.fromEntries(request.headers),
        body: await sentBody(),
      },
      response: { status, headers: Object.fromEntries(headers), ...received() },
    };
    const { exchange: redacted, secrets } = redactExchange(exchange, request.url);
    const checked = checkExchange(redact(redacted));
    if ('fault' in checked)
      throw new InvalidInputError(`redact must return an exchange, got one with ${checked.fault}`);
    const name = fixtureName(number, checked.exchange);
    const text = `${JSON.stringify(checked.exchange, null, 2)}\n`;
    if (holdsSecret(checked.exchange, `${name}\n${text}`, secrets)) throw secretLeft(entry);
    await directory.write(name, text);
    exchanges[number] = checked.exchange;
  }

  async function flush(): Promise<void> {
    for (const entry of open) save(entry);
    await writes;
    if (failure) throw failure;
  }

  return {
    client: client.withOptions({ middleware: [...client.middleware, record] }) as Client,
    get exchanges() {
      return exchanges.filter((exchange) => exchange !== undefined);
    },
    flush,
    [Symbol.asyncDispose]: flush,
  };
}

/** Without the query, which may hold a secret. */
const nameOf = ({ number, request: { method, url } }: Entry) =>
  `exchange ${number} (${method} ${pathOf(url).split('?', 1)[0]})`;

const secretLeft = (entry: Entry) =>
  new EmulatorError(
    `The recorder does not write ${nameOf(entry)}: a secret of it, or a part of one, is left in it after redaction. ` +
      'Take it out with `redact`, or leave it out where `redact` puts it in, and record again.',
    { code: 'secret_left' },
  );
const isSecretLeft = (cause: unknown): cause is EmulatorError =>
  cause instanceof EmulatorError && cause.code === 'secret_left';

/**
 * A stream can be read only once, so it is noted while it
 * is sent; any other body is read when it is written down.
 */
function watchBody(request: ApiRequest): {
  readonly outgoing: ApiRequest;
  readonly sentBody: () => Promise<ExchangeBody>;
} {
  const { body } = request;
  const contentType = request.headers.get('content-type');
  if (!(body instanceof ReadableStream)) {
    const headers: Record<string, string> = contentType ? { 'content-type': contentType } : {};
    return { outgoing: request, sentBody: () => readWhole(new Response(body ?? null, { headers })) };
  }
  const reader = readerFor(contentType ?? '');
  const watched = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        reader.push(chunk);
        controller.enqueue(chunk);
      },
    }),
  );
  return { outgoing: { ...request, body: watched }, sentBody: async () => reader.body() };
}
