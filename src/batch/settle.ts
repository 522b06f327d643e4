import { InvalidInputError, quoted, reasonOf } from '../errors.ts';
import { withOwnSignal } from '../wire/signals.ts';
import { asked } from './ask.ts';
import { type BatchesClient, countOf } from './client.ts';
import { type BatchCandidate, BatchError } from './errors.ts';
import { type BatchLedger, type BatchSending, idsIn, type SubmittedBatch, withRound } from './ledger.ts';
import type { LineOptions } from './lines.ts';
import type { SubmitOptions } from './options.ts';
import { resultsOf } from './results.ts';

/** A request may arrive so long after it was sent, by clocks that differ. */
const EARLIER_MS = 10 * 60_000;
const LATER_MS = 60 * 60_000;
/** Batches of a listing that are looked at, the newest first. */
const MOST_LISTED = 10_000;
/** How often the ids of an adopted batch are asked for again. */
const RETRIES = 2;

/**
 * The error for a batch that was sent and whose answer was not seen, with the batches that may be it.
 * Where they cannot be listed, their `candidates` are `null`.
 */
export async function unknownSubmission(
  client: BatchesClient,
  ledger: BatchLedger,
  options: Pick<SubmitOptions, 'signal' | 'request'>,
  cause?: unknown,
): Promise<BatchError> {
  const sending = ledger.rounds.at(-1)?.sending as BatchSending;
  let candidates: BatchCandidate[] | null = null;
  let listed = '';
  try {
    candidates = await candidatesFor(client, ledger, sending, options);
    listed =
      candidates.length > 0
        ? `It may be ${candidates.map(({ id }) => id).join(' or ')}: go on with adopt, or with resend: true if it is none.`
        : 'The API lists no batch that could be it. Wait a minute and ask again, or go on with resend: true.';
  } catch (error) {
    listed = `The batches could not be listed (${reasonOf(error)}): ask again.`;
  }
  const why = cause === undefined ? '' : ` (${reasonOf(cause)})`;
  const message =
    `A batch of ${sending.count} items was sent at ${sending.at}, and its answer was not seen${why}. It is not sent ` +
    `again by itself, since that may be a second bill. ${listed}`;
  return new BatchError(message, { code: 'submission_unknown', ledger, candidates, cause });
}

/** Batches that no ledger has, with as many requests, made at about that time. */
async function candidatesFor(
  client: BatchesClient,
  ledger: BatchLedger,
  { at, count }: BatchSending,
  { signal, request = {} }: Pick<SubmitOptions, 'signal' | 'request'>,
): Promise<BatchCandidate[]> {
  const known = new Set(ledger.rounds.flatMap(({ batches }) => batches.map(({ id }) => id)));
  const sentAt = Date.parse(at);
  const found: BatchCandidate[] = [];
  let listed = 0;
  await withOwnSignal(signal, async (own) => {
    const list = client.messages.batches.list({ limit: 100 }, { ...request, signal: own });
    for await (const batch of list) {
      own.throwIfAborted();
      const created = Date.parse(batch.created_at);
      if (created < sentAt - EARLIER_MS || ++listed >= MOST_LISTED) break;
      if (created > sentAt + LATER_MS || known.has(batch.id) || countOf(batch) !== count) continue;
      found.push({ id: batch.id, createdAt: batch.created_at, count });
    }
  });
  const distance = ({ createdAt }: BatchCandidate) => Math.abs(Date.parse(createdAt) - sentAt);
  return found.sort((one, other) => distance(one) - distance(other));
}

/**
 * The ledger without a request that may have arrived or not, as the caller says.
 *
 * @throws {BatchError} `submission_unknown` where he does not say it.
 */
export async function settled(
  client: BatchesClient,
  ledger: BatchLedger,
  options: SubmitOptions,
): Promise<BatchLedger> {
  const { adopt, resend = false, onSubmit } = options;
  const index = ledger.rounds.length - 1;
  const round = ledger.rounds[index];
  const sending = round?.sending;
  if (!round || !sending) {
    if (adopt === undefined && !resend) return ledger;
    const what = adopt === undefined ? 'resend was set' : `${adopt} was to be adopted`;
    throw new InvalidInputError(`${what}, and no answer was lost: every batch of this ledger has its id.`);
  }
  if (adopt === undefined && !resend) throw await unknownSubmission(client, ledger, options);
  const batches =
    adopt === undefined
      ? round.batches
      : [...round.batches, await adopted(client, ledger, { id: adopt, sending }, options)];
  const next = withRound(ledger, index, { batches, sending: null });
  await saved(next, onSubmit);
  return next;
}

async function adopted(
  client: BatchesClient,
  ledger: BatchLedger,
  { id, sending }: { readonly id: string; readonly sending: BatchSending },
  options: SubmitOptions,
): Promise<SubmittedBatch> {
  const { items, restarted, count, at } = sending;
  if (ledger.rounds.some(({ batches }) => batches.some((batch) => batch.id === id))) {
    throw new InvalidInputError(`${id} cannot be adopted: the ledger has it already.`);
  }
  const batch = await asked(client, options, (request) =>
    client.messages.batches.retrieve(id, undefined, request),
  );
  const isEnded = batch.processing_status === 'ended';
  const submitted = { id, at, items, restarted, isAdopted: !isEnded };
  if (countOf(batch) !== count) {
    throw wrongBatch(id, `it has ${countOf(batch)} requests, and ${count} were sent`, ledger);
  }
  if (isEnded) {
    await withOwnSignal(options.signal, (signal) =>
      checkIds(client, submitted, ledger, { signal, request: options.request, idleTimeoutMs: 290_000 }),
    );
  }
  return submitted;
}

/**
 * Compares the items of an adopted batch with those that were sent.
 *
 * @throws {BatchError} `wrong_batch`, whose ledger asks again.
 */
export async function checkIds(
  client: BatchesClient,
  batch: SubmittedBatch,
  ledger: BatchLedger,
  options: LineOptions,
): Promise<void> {
  const expected = new Set(idsIn(batch));
  const found = resultsOf(client, batch.id, { ...options, retries: RETRIES, ledger, expected });
  for await (const some of found)
    for (const { customId, result } of some) {
      const isMissing = result.status === 'errored' && result.error.type === 'missing_result';
      if (expected.has(customId) && !isMissing) continue;
      const what = isMissing
        ? `it has no item ${quoted(customId)}`
        : `its item ${quoted(customId)} was not sent`;
      throw wrongBatch(batch.id, what, asking(ledger, batch));
    }
}

/** The ledger as it was before the batch was adopted. */
function asking(ledger: BatchLedger, { id, at, items, restarted }: SubmittedBatch): BatchLedger {
  const index = ledger.rounds.findIndex(({ batches }) => batches.some((batch) => batch.id === id));
  const round = ledger.rounds[index];
  if (!round || round.sending) return ledger;
  const sending = { at, count: idsIn({ items, restarted }).length, items, restarted };
  const batches = round.batches.filter((batch) => batch.id !== id);
  return withRound(ledger, index, { batches, sending, isWhole: false });
}

function wrongBatch(id: string, what: string, ledger: BatchLedger): BatchError {
  const message = `${id} is another batch: ${what}. Adopt the right one, or send again with resend: true.`;
  return new BatchError(message, { code: 'wrong_batch', ledger });
}

/** @throws {BatchError} `store_failed`, with the ledger that was to be stored. */
export async function saved(ledger: BatchLedger, onSubmit: SubmitOptions['onSubmit']): Promise<void> {
  try {
    await onSubmit?.(ledger);
  } catch (cause) {
    const message = `onSubmit threw (${reasonOf(cause)}), so nothing more is sent. error.ledger holds what was.`;
    throw new BatchError(message, { code: 'store_failed', ledger, cause });
  }
}
