import { assertInput, InvalidInputError, quoted, reasonOf, typed } from '../errors.ts';
import { toContainerParam } from '../request/container.ts';
import type { RequestParams } from '../turn/turn.ts';
import { isRecord } from '../wire/blocks.ts';
import { requestedContainerId } from '../wire/container.ts';
import { asked } from './ask.ts';
import { checkedLedger } from './check-ledger.ts';
import { assertBatchesClient, type BatchesClient } from './client.ts';
import { BatchError } from './errors.ts';
import { assertCustomId, assertItems, type BatchInput, inputsOf, prepareItem } from './items.ts';
import { type BatchLedger, batchesOf, EMPTY_LEDGER } from './ledger.ts';
import { assertOptions, batchFailure, type SubmitOptions } from './options.ts';
import { settled } from './settle.ts';
import { Submission } from './submission.ts';

/** Options of {@link createBatch}. */
export interface CreateBatchOptions extends SubmitOptions {
  /** Go on with it: items that it has are passed. */
  readonly ledger?: BatchLedger | undefined;
  /**
   * Sends the first item of each model, `system` and `tools` to `count_tokens`, which is free: the API
   * reports bad params of a batch for each item, hours later. Default `false`.
   */
  readonly check?: boolean | undefined;
}

/** What `count_tokens` takes of the params of a message (SDK types, Nov 2026). */
const COUNTED = [
  'messages',
  'model',
  'cache_control',
  'output_config',
  'speed',
  'system',
  'thinking',
  'tool_choice',
  'tools',
];

/**
 * Submits items as batches of the Message Batches API: half the price, within 24 hours. `items` is read as
 * it is needed, and split by `maxBatchBytes` and by 100,000 requests. No POST is repeated that may have
 * arrived.
 *
 * @throws {InvalidInputError} for bad input, naming the item.
 * @throws {BatchError} with `.ledger`, to go on with: see its codes.
 * @throws the SDK's error, where the API refused a batch.
 *
 * @example
 * ```ts
 * const items = files.map((file, index) => ({
 *   customId: `file-${index}`,
 *   params: { ...params, messages: [userMessage('Summarise it.', { files: [file] })] },
 * }));
 * let ledger = await createBatch(client, items, { onSubmit: (ledger) => save(JSON.stringify(ledger)) });
 * ```
 */
export async function createBatch(
  client: BatchesClient,
  items: AsyncIterable<BatchInput> | Iterable<BatchInput>,
  options: CreateBatchOptions = {},
): Promise<BatchLedger> {
  return typed('createBatch', async () => {
    assertBatchesClient(client, 'createBatch');
    assertItems(items);
    assertOptions('createBatch', options);
    const given = options.ledger === undefined ? EMPTY_LEDGER : await checkedLedger(options.ledger);
    const submission = new Submission(client, given, 0, options);
    try {
      if (given.rounds[0]?.isWhole)
        throw new InvalidInputError('All items of this ledger were submitted already.');
      submission.ledger = await settled(client, given, options);
      await submitAll(client, items, submission, options);
      if (submission.isEmpty) throw new InvalidInputError('items has no item.');
      return await submission.finish([]);
    } catch (error) {
      throw batchFailure('createBatch', error, submission.ledger, options.signal);
    }
  });
}

async function submitAll(
  client: BatchesClient,
  items: AsyncIterable<BatchInput> | Iterable<BatchInput>,
  submission: Submission,
  options: CreateBatchOptions,
): Promise<void> {
  const { addTool = true, signal } = options;
  const submitted = new Set(batchesOf(submission.ledger).flatMap(({ shapeOf }) => [...shapeOf.keys()]));
  const places = new Map<string, number>();
  const containers = new Map<string, string>();
  for await (const item of inputsOf(items, () => submission.ledger)) {
    signal?.throwIfAborted();
    const index = places.size;
    assertCustomId(item, index);
    const { customId, params: given } = item;
    const earlier = places.get(customId);
    assertInput(earlier === undefined, `items[${index}] has the customId of items[${earlier}]`, customId);
    places.set(customId, index);
    noteContainer(item, containers, submission);
    if (submitted.has(customId)) continue;
    const { params } = prepareItem(customId, given, addTool);
    const { shape, isNew } = submission.shapeOf(params);
    if (isNew && options.check) await checkItem(client, customId, params, submission.ledger, options);
    await submission.add({ customId, params, shape });
  }
}

/** Items of a batch run at the same time: what they do in one container, they do to each other. */
function noteContainer(
  { customId, params }: BatchInput,
  containers: Map<string, string>,
  submission: Submission,
): void {
  const id = isRecord(params) ? requestedContainerId(toContainerParam(params.container)) : null;
  if (id === null) return;
  const first = containers.get(id);
  if (first === undefined) containers.set(id, customId);
  else {
    submission.note({
      code: 'shared-container',
      message:
        `Items ${first} and others ask for container ${id}. They run at the same time, in any order, and change the ` +
        'same files and variables: leave container out, or give each its own.',
    });
  }
}

async function checkItem(
  client: BatchesClient,
  customId: string,
  params: RequestParams,
  ledger: BatchLedger,
  options: CreateBatchOptions,
): Promise<void> {
  const { messages } = client as {
    readonly messages: { countTokens?(body: object, options: object): PromiseLike<unknown> };
  };
  if (typeof messages.countTokens !== 'function') {
    throw new InvalidInputError('check needs a client with `client.messages.countTokens`: leave check out.');
  }
  const body = Object.fromEntries(Object.entries(params).filter(([name]) => COUNTED.includes(name)));
  try {
    await asked(client, options, (request) => messages.countTokens?.(body, request) as PromiseLike<unknown>);
  } catch (cause) {
    options.signal?.throwIfAborted();
    const message = `Item ${quoted(customId)} did not pass the check: ${reasonOf(cause)}. Nothing like it was submitted.`;
    throw new BatchError(message, { code: 'check_failed', ledger, customId, cause });
  }
}
