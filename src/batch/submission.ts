import { InvalidInputError, quoted, reasonOf } from '../errors.ts';
import { prefixOf } from '../request/prefix.ts';
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
import { saved, unknownSubmission } from './settle.ts';

/** The API takes so many requests in one batch (documented). */
const MOST_REQUESTS = 100_000;
/** `{"requests":[` and `]}` */
const FRAME_BYTES = 15;

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
  readonly #maxBytes: number;
  readonly #shapes = new Map<string, number>();
  #ledger: BatchLedger;
  #requests: { readonly custom_id: string; readonly params: RequestParams }[] = [];
  #added: ItemRequest[] = [];
  #bytes = FRAME_BYTES;

  constructor(client: BatchesClient, ledger: BatchLedger, round: number, options: SubmitOptions) {
    this.#client = client;
    this.#ledger = ledger;
    this.#round = round;
    this.#options = options;
    this.#maxBytes = options.maxBatchBytes ?? 32_000_000;
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
    return this.#requests.length === 0 && (this.#ledger.rounds[this.#round]?.batches.length ?? 0) === 0;
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
  async add(item: ItemRequest): Promise<void> {
    const { customId, params } = item;
    const request = { custom_id: customId, params };
    const bytes = utf8Length(jsonOf(request));
    if (bytes + FRAME_BYTES > this.#maxBytes) {
      throw new InvalidInputError(
        `Item ${quoted(customId)} has ${bytes} bytes, and a batch has ${this.#maxBytes} at most: raise maxBatchBytes, ` +
          'or upload what is large in it as a file.',
      );
    }
    const isFull = this.#requests.length >= MOST_REQUESTS || this.#bytes + bytes + 1 > this.#maxBytes;
    if (isFull) await this.#submit();
    this.#requests.push(request);
    this.#added.push(item);
    // With the comma after the one before.
    this.#bytes += bytes + 1;
  }

  /** Submits what is left. The ledger says that the round is whole. */
  async finish(waiting: readonly string[]): Promise<BatchLedger> {
    if (this.#requests.length > 0) await this.#submit();
    this.#ledger = withRound(this.#ledger, this.#round, { isWhole: true, waiting });
    await saved(this.#ledger, this.#options.onSubmit);
    return this.#ledger;
  }

  async #submit(): Promise<void> {
    const requests = this.#requests;
    const added = this.#added;
    const { onSubmit, signal } = this.#options;
    const before = this.#ledger;
    const { batches = [], answers = [] } = before.rounds[this.#round] ?? {};
    const content = {
      items: shapedItems(added),
      restarted: added.flatMap(({ customId, isRestarted }) => (isRestarted ? [customId] : [])),
    };
    const at = new Date().toISOString();
    const sending: BatchSending = { at, count: requests.length, ...content };
    const known = new Set(answers.map(({ customId }) => customId));
    const kept = [...answers, ...added.flatMap(answersOf).filter(({ customId }) => !known.has(customId))];
    signal?.throwIfAborted();
    this.#ledger = withRound(before, this.#round, { sending, answers: kept });
    await saved(this.#ledger, onSubmit);
    const id = await this.#post(requests);
    const batch = { id, at, ...content, isAdopted: false };
    this.#ledger = withRound(this.#ledger, this.#round, { sending: null, batches: [...batches, batch] });
    this.#requests = [];
    this.#added = [];
    this.#bytes = FRAME_BYTES;
    await saved(this.#ledger, onSubmit);
  }

  /** The one place that makes batches: a request of which it is not known whether it arrived is not repeated. */
  async #post(requests: readonly object[]): Promise<string> {
    const { retries = 2, request, signal, onSubmit } = this.#options;
    const own = ownSignal(signal);
    const mayRetry = (error: unknown) => {
      const { mayHaveRun, passes } = verdictOf(error);
      return passes && !mayHaveRun;
    };
    const again = retrier({ retries, mayRetry, signal: own.signal });
    try {
      for (;;) {
        try {
          const sent = { maxRetries: 0, ...request, signal: own.signal };
          const batch = await unredirected(this.#client, sent, (options) =>
            untilAborted(this.#client.messages.batches.create({ requests }, options), own.signal),
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

function answersOf({ customId, answers: results }: ItemRequest): BatchAnswers[] {
  return results ? [{ customId, results }] : [];
}

function shapedItems(added: readonly ItemRequest[]): ShapedItems[] {
  const byShape = new Map<number, string[]>();
  for (const { customId, shape = 0 } of added) {
    const ids = byShape.get(shape);
    if (ids) ids.push(customId);
    else byShape.set(shape, [customId]);
  }
  return [...byShape].map(([shape, customIds]) => ({ shape, customIds }));
}

/** @throws {InvalidInputError} for what is no JSON, such as a BigInt or a circle. */
function jsonOf(request: { readonly custom_id: string }): string {
  try {
    return JSON.stringify(request);
  } catch (cause) {
    const message = `The params of item ${quoted(request.custom_id)} are no plain data: ${reasonOf(cause)}.`;
    throw new InvalidInputError(message, { cause });
  }
}

/** Bytes of a text as UTF-8, without making them. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    // Of a pair each half counts two; JSON escapes a half that stands alone.
    if (code > 0x7f) bytes += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
