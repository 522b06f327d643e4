import { InvalidInputError, quoted, reasonOf } from '../errors.ts';
import { prefixOf } from '../request/prefix.ts';
import { ownerOf } from '../sdk/client.ts';
import { verdictOf } from '../sdk/failures.ts';
import { unredirected } from '../sdk/redirects.ts';
import { retrier } from '../sdk/retry.ts';
import type { RequestParams } from '../turn/turn.ts';
import { isRecord } from '../wire/blocks.ts';
import { ownSignal, untilAborted } from '../wire/signals.ts';
import type { BatchesClient } from './client.ts';
import {
  type BatchAnswers,
  type BatchLedger,
  type BatchNotice,
  type BatchSending,
  type ShapedItems,
  withRound,
} from './ledger.ts';
import type { SubmitOptions } from './options.ts';
import { RequestBody } from './request-body.ts';
import { saved, unknownSubmission } from './settle.ts';

/** The API takes so many requests in one batch (documented). */
const MOST_REQUESTS = 100_000;

/** One request of a batch. */
export interface ItemRequest {
  readonly customId: string;
  readonly params: RequestParams;
  /** Of a later round. */
  readonly shape?: number | undefined;
  readonly isRestarted?: boolean | undefined;
  readonly answers?: BatchAnswers['results'] | undefined;
}

/** Gathers the requests of one round into batches, and submits each when it is full. */
export class Submission {
  readonly #client: BatchesClient;
  readonly #round: number;
  readonly #options: SubmitOptions;
  readonly #body: RequestBody;
  readonly #shapes = new Map<string, number>();
  #ledger: BatchLedger;
  #added: Omit<ItemRequest, 'params'>[] = [];
  /** For a client that is not the SDK's, which takes no other body. */
  #objects: object[] | undefined;

  constructor(client: BatchesClient, ledger: BatchLedger, round: number, options: SubmitOptions) {
    this.#client = client;
    this.#ledger = ledger;
    this.#round = round;
    this.#options = options;
    this.#body = new RequestBody(options.maxBatchBytes ?? 32_000_000);
    this.#objects = ownerOf(client) ? undefined : [];
    for (const [index, shape] of ledger.shapes.entries()) this.#shapes.set(JSON.stringify(shape), index);
  }

  get ledger(): BatchLedger {
    return this.#ledger;
  }

  set ledger(ledger: BatchLedger) {
    this.#ledger = ledger;
  }

  /** Nothing was submitted, and nothing is to be. */
  get isEmpty(): boolean {
    return this.#added.length === 0 && (this.#ledger.rounds[this.#round]?.batches.length ?? 0) === 0;
  }

  /** Adds a notice, each once. */
  note(notice: BatchNotice): void {
    if (this.#ledger.notices.some(({ message }) => message === notice.message)) return;
    this.#ledger = { ...this.#ledger, notices: [...this.#ledger.notices, notice] };
  }

  /** The shape of params, and whether it was not there before. */
  shapeOf(params: RequestParams): { readonly shape: number; readonly isNew: boolean } {
    const text = JSON.stringify(prefixOf(params));
    const known = this.#shapes.get(text);
    if (known !== undefined) return { shape: known, isNew: false };
    const shape = this.#ledger.shapes.length;
    this.#ledger = { ...this.#ledger, shapes: [...this.#ledger.shapes, JSON.parse(text)] };
    this.#shapes.set(text, shape);
    return { shape, isNew: true };
  }

  /**
   * Adds a request; where it does not fit any more, what is there is submitted first.
   *
   * @throws {InvalidInputError} for one that is larger than a whole batch.
   */
  async add({ params, ...item }: ItemRequest): Promise<void> {
    const request = jsonOf({ custom_id: item.customId, params });
    if (this.#added.length >= MOST_REQUESTS) await this.#submit();
    if (!this.#body.add(request)) {
      if (this.#added.length > 0) await this.#submit();
      if (!this.#body.add(request)) throw tooLarge(item.customId);
    }
    this.#added.push(item);
    this.#objects?.push(JSON.parse(request));
  }

  /** Submits what is left. The ledger says that the round is whole. */
  async finish(waiting: readonly string[]): Promise<BatchLedger> {
    if (this.#added.length > 0) await this.#submit();
    this.#ledger = withRound(this.#ledger, this.#round, { isWhole: true, waiting });
    await saved(this.#ledger, this.#options.onSubmit);
    return this.#ledger;
  }

  async #submit(): Promise<void> {
    const added = this.#added;
    const { onSubmit, signal } = this.#options;
    const before = this.#ledger;
    const { batches = [], answers = [] } = before.rounds[this.#round] ?? {};
    const content = {
      items: shapedItems(added),
      restarted: added.flatMap(({ customId, isRestarted }) => (isRestarted ? [customId] : [])),
    };
    const at = new Date().toISOString();
    const sending: BatchSending = { at, count: added.length, ...content };
    const known = new Set(answers.map(({ customId }) => customId));
    const kept = [...answers, ...added.flatMap(answersOf).filter(({ customId }) => !known.has(customId))];
    signal?.throwIfAborted();
    this.#ledger = withRound(before, this.#round, { sending, answers: kept });
    await saved(this.#ledger, onSubmit);
    const id = await this.#post();
    const batch = { id, at, ...content, isAdopted: false };
    this.#ledger = withRound(this.#ledger, this.#round, { sending: null, batches: [...batches, batch] });
    this.#added = [];
    this.#objects &&= [];
    this.#body.clear();
    await saved(this.#ledger, onSubmit);
  }

  /**
   * The one place that makes batches: a request of which it is not known whether it arrived is not
   * repeated.
   */
  async #post(): Promise<string> {
    const { retries = 2, request, signal, onSubmit } = this.#options;
    const body = this.#body.finish();
    const params = this.#objects ? { requests: this.#objects } : {};
    const given = this.#objects ? {} : { body, headers: withJson(request?.headers) };
    const own = ownSignal(signal);
    const mayRetry = (error: unknown) => {
      const { mayHaveRun, passes } = verdictOf(error);
      return passes && !mayHaveRun;
    };
    const again = retrier({ retries, mayRetry, signal: own.signal });
    try {
      for (;;) {
        try {
          const sent = { maxRetries: 0, ...request, ...given, signal: own.signal };
          const batch = await unredirected(this.#client, sent, (options) =>
            untilAborted(this.#client.messages.batches.create({ ...params }, options), own.signal),
          );
          const id: unknown = isRecord(batch) ? batch['id'] : undefined;
          if (typeof id === 'string' && /^[\w-]+$/.test(id)) return id;
          throw new TypeError(`it was answered with ${quoted(batch)}, and no batch`);
        } catch (error) {
          await again(error);
        }
      }
    } catch (error) {
      if (verdictOf(error).mayHaveRun)
        throw await unknownSubmission(this.#client, this.#ledger, this.#options, error);
      // Nothing was made: the next process must not ask for it.
      this.#ledger = withRound(this.#ledger, this.#round, { sending: null });
      await saved(this.#ledger, onSubmit).catch(() => {});
      throw error;
    } finally {
      own.release();
    }
  }
}

/** Headers of the caller's, in any of the forms that the SDK takes. */
function withJson(headers: unknown): unknown {
  const name = 'content-type';
  const value = 'application/json';
  if (!isRecord(headers) && !Array.isArray(headers)) return { [name]: value };
  return Symbol.iterator in headers
    ? [[name, value], ...(headers as Iterable<[string, string]>)]
    : { [name]: value, ...headers };
}

function tooLarge(customId: string): InvalidInputError {
  return new InvalidInputError(
    `Item ${quoted(customId)} is larger than a whole batch may be: raise maxBatchBytes, or upload what is large in it ` +
      'as a file.',
  );
}

function answersOf({ customId, answers: results }: Omit<ItemRequest, 'params'>): BatchAnswers[] {
  return results ? [{ customId, results }] : [];
}

function shapedItems(added: readonly Omit<ItemRequest, 'params'>[]): ShapedItems[] {
  const byShape = new Map<number, string[]>();
  for (const { customId, shape = 0 } of added) {
    const ids = byShape.get(shape);
    if (ids) ids.push(customId);
    else byShape.set(shape, [customId]);
  }
  return [...byShape].map(([shape, customIds]) => ({ shape, customIds }));
}

/** @throws {InvalidInputError} for what is no JSON, such as a BigInt or a circle. */
function jsonOf(request: { readonly custom_id: string; readonly params: RequestParams }): string {
  try {
    return JSON.stringify(request);
  } catch (cause) {
    const message = `The params of item ${quoted(request.custom_id)} are no plain data: ${reasonOf(cause)}.`;
    throw new InvalidInputError(message, { cause });
  }
}
