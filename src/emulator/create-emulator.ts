import { handleBatches } from './api/batches-api.ts';
import { handleFiles } from './api/files-api.ts';
import { countTokens, handleMessages } from './api/messages-api.ts';
import { handleModels } from './api/models-api.ts';
import { RateLimiter } from './api/rate-limit.ts';
import { type EmulatorServer, type ListenOptions, listen } from './api/server.ts';
import { handleSkills } from './api/skills-api.ts';
import { checkHeaders } from './checks/check-headers.ts';
import { checkOptions, type EmulatorOptions } from './emulator-options.ts';
import { assertNoFaults, type Fault, faultResponse, spoil } from './faults.ts';
import { EmulatorError } from './protocol/emulator-error.ts';
import { ApiFailure, failure, invalidRequest, notFound } from './protocol/http.ts';
import { Life } from './protocol/life.ts';
import { Models } from './protocol/models.ts';
import {
  type ReceivedRequest,
  type RecordedRequest,
  receive,
  recorded,
  tooLarge,
} from './protocol/received-request.ts';
import { PromptCache } from './response/prompt-cache.ts';
import { checkedSandbox } from './sandbox/checked.ts';
import { justBashSandbox } from './sandbox/just-bash.ts';
import { conversationOf, runFencedCode } from './script/dynamic-script.ts';
import { playerOf } from './script/script-player.ts';
import { Store } from './store/store.ts';

const FILES = '/v1/files';
const BATCHES = '/v1/messages/batches';
const MODELS = '/v1/models';
const SKILLS = '/v1/skills';

/** A file that the emulator holds. */
export interface EmulatorFile {
  readonly id: string;
  readonly filename: string;
  readonly mimeType: string;
  readonly bytes: Uint8Array;
}

/**
 * The offline API. Disposing of it frees its files and
 * containers; it does not check what is left of the script.
 */
export interface Emulator extends AsyncDisposable {
  /** For the SDK's client: `new Anthropic({ apiKey: 'none', fetch: emulator.fetch })`. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /**
   * Serves the same over HTTP on the loopback interface, for clients in any language. Needs Node.
   *
   * @throws {EmulatorError} where there is no Node, and for a port that is taken.
   */
  listen(options?: ListenOptions): Promise<EmulatorServer>;
  /** Every request so far, in order; of many the newest, see `maxRequests`. */
  readonly requests: readonly RecordedRequest[];
  /** Every file, uploaded and produced, oldest first. */
  readonly files: readonly EmulatorFile[];
  /** Every container, oldest first. */
  readonly containers: readonly { readonly id: string; readonly expiresAt: string }[];
  /**
   * Spoils the next `POST /v1/messages`, one fault for each.
   * An HTTP error and a refused connection play no step.
   *
   * @example
   * ```ts
   * // The first request is refused, and the stream of the second is cut.
   * emulator.inject(httpError(529), cutAfter(5));
   * ```
   */
  inject(...faults: readonly Fault[]): void;
  /** Forgets every container: a request that names one gets a 404. */
  loseContainers(): void;
  /** Forgets everything and plays the script from its start. */
  reset(): void;
  /** @throws {EmulatorError} listing the steps of the script, or the faults, that no request came for. */
  assertDone(): void;
}

/**
 * An API that needs no key and no network: Messages, Files, Message Batches, Models and Skills,
 * with containers in which Python and bash really run. What Claude says and runs is the script;
 * what comes of it is not.
 *
 * Code runs in just-bash, an optional peer: `npm install --save-dev just-bash`.
 *
 * @throws {InvalidInputError} for a script that is neither a list of steps nor a function.
 *
 * @example
 * ```ts
 * const emulator = createEmulator({ script: [python('print(2 ** 10)'), pause(), say('It is 1024.')] });
 * const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
 * const turn = await runTurn(client, params);
 * emulator.assertDone();
 * ```
 */
export function createEmulator(options: EmulatorOptions = {}): Emulator {
  checkOptions(options);
  const {
    now = () => new Date(),
    eventDelayMs = 0,
    timeoutMs = 90_000,
    script: steps = runFencedCode,
    maxRequests = 10_000,
    prefixCheck = 'enforced',
  } = options;
  const store = new Store(now, options.skills);
  const life = new Life();
  const filesLimit = new RateLimiter(options.filesRateLimit, now);
  const script = playerOf(steps, conversationOf);
  const service = {
    store,
    models: new Models(options.models),
    prefixCheck,
    cache: new PromptCache(now),
    script,
    unfinished: new Map(),
    createSandbox: checkedSandbox(options.sandbox ?? justBashSandbox),
    web: options.web ?? {},
    timeoutMs,
    eventDelayMs,
    life,
    batchItem: options.batchItem,
  };
  let requests: RecordedRequest[] = [];
  let faults: Fault[] = [];
  let isDisposed = false;

  async function route(request: ReceivedRequest): Promise<Response> {
    if (isDisposed) throw new EmulatorError('it was disposed of', { code: 'sandbox_failed' });
    const terms = checkHeaders(request.headers);
    const { pathname } = request.url;
    const under = (prefix: string) => pathname === prefix || pathname.startsWith(`${prefix}/`);
    let response: Response | undefined;
    if (pathname === '/v1/messages/count_tokens' && request.method === 'POST')
      response = countTokens(request, terms, service);
    else if (pathname === '/v1/messages' && request.method === 'POST')
      response = await handleMessages(request, terms, service);
    else if (under(BATCHES))
      response = await handleBatches(request, pathname.slice(BATCHES.length), terms, service);
    else if (under(MODELS))
      response = handleModels(request, pathname.slice(MODELS.length), service.models, store);
    else if (under(SKILLS)) response = await handleSkills(request, pathname.slice(SKILLS.length), store);
    else if (under(FILES)) {
      filesLimit.take();
      response = await handleFiles(request, pathname.slice(FILES.length), store);
    }
    if (!response) throw notFound(`emulator: no endpoint ${request.method} ${pathname}`);
    return response;
  }

  /** The answer, or what a fault makes of it. */
  async function answer(request: ReceivedRequest): Promise<Response> {
    const isMessages = request.method === 'POST' && request.url.pathname === '/v1/messages';
    const fault = isMessages ? faults.shift() : undefined;
    if (fault?.fault === 'http') return faultResponse(fault, store.ids.next('req'));
    if (fault?.fault === 'refuseConnection') {
      throw new TypeError('fetch failed', {
        cause: Object.assign(new Error('emulated'), { code: 'ECONNREFUSED' }),
      });
    }
    if (fault?.fault === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    const response = await route(request);
    return fault && fault.fault !== 'delay' ? spoil(response, fault, request.signal) : response;
  }

  const fetch: Emulator['fetch'] = async (input, init) => {
    const request = await receive(input, init);
    requests.push(recorded(request));
    if (requests.length > maxRequests) requests.shift();
    try {
      if (request.isTooLarge) throw tooLarge();
      return await abortable(answer(request), request.signal);
    } catch (error) {
      if (error instanceof ApiFailure) return failure(error, store.ids);
      if (error instanceof EmulatorError)
        return failure(invalidRequest(`emulator: ${error.message}`), store.ids);
      throw error;
    }
  };

  return {
    fetch,
    listen: (listenOptions = {}) => listen(fetch, listenOptions),
    get requests() {
      return requests;
    },
    get files() {
      return [...store.files.values()].map(({ id, filename, mimeType, bytes }) => ({
        id,
        filename,
        mimeType,
        bytes,
      }));
    },
    get containers() {
      return [...store.containers.values()].map(({ id, expiresAt }) => ({
        id,
        expiresAt: expiresAt.toISOString(),
      }));
    },
    reset() {
      life.end();
      service.unfinished.clear();
      service.cache.clear();
      store.reset().catch(() => {});
      script.reset();
      filesLimit.reset();
      requests = [];
      faults = [];
    },
    inject(...more) {
      faults.push(...more);
    },
    loseContainers() {
      service.unfinished.clear();
      store.loseContainers().catch(() => {});
    },
    assertDone() {
      script.assertDone();
      assertNoFaults(faults);
    },
    async [Symbol.asyncDispose]() {
      isDisposed = true;
      life.end();
      await store.reset();
    },
  };
}

/** As `fetch` does: an abort rejects at once, whatever still runs. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
