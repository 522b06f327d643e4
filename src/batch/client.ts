import type { MessageBatch } from '@anthropic-ai/sdk/resources/messages';
import { assertInput } from '../errors.ts';
import { isRecord } from '../wire/blocks.ts';

/**
 * The Message Batches API as the SDK offers it. `client` and `client.beta` of the SDK fit, so do clones made
 * with `withOptions()`. Foundry clients have no batches. `results` is only called for a client that has no
 * `get` of the SDK's, which gives the bytes.
 */
export interface BatchesClient {
  readonly messages: {
    readonly batches: {
      // biome-ignore-start lint/suspicious/noExplicitAny: generated signatures fit open ones only.
      create(params: any, options?: any): PromiseLike<MessageBatchLike>;
      retrieve(id: string, params?: any, options?: any): PromiseLike<MessageBatchLike>;
      results?(id: string, params?: any, options?: any): PromiseLike<AsyncIterable<unknown>>;
      list(params?: any, options?: any): AsyncIterable<MessageBatchLike>;
      cancel(id: string, params?: any, options?: any): PromiseLike<unknown>;
      delete(id: string, params?: any, options?: any): PromiseLike<unknown>;
      // biome-ignore-end lint/suspicious/noExplicitAny: see above
    };
  };
}

/** What is read of a batch. */
export type MessageBatchLike = Pick<
  MessageBatch,
  'id' | 'created_at' | 'processing_status' | 'request_counts'
>;

/** @throws {InvalidInputError} naming the function that needs it. */
export function assertBatchesClient(client: unknown, caller: string): asserts client is BatchesClient {
  const messages = isRecord(client) ? client['messages'] : undefined;
  const batches = isRecord(messages) ? messages['batches'] : undefined;
  const names = ['create', 'retrieve', 'list', 'cancel', 'delete'];
  const isClient = isRecord(batches) && names.every((name) => typeof batches[name] === 'function');
  const rule = `${caller} needs a client with the Message Batches API (\`client.messages.batches\`)`;
  assertInput(
    isClient,
    rule,
    client,
    'Pass `new Anthropic()`; Foundry, Bedrock and Vertex clients have none.',
  );
}

/** How many requests a batch has, by its counts. */
export function countOf({ request_counts: counts }: MessageBatchLike): number {
  const numbers = isRecord(counts) ? Object.values(counts) : [];
  return numbers.reduce((sum: number, count) => sum + (typeof count === 'number' ? count : 0), 0);
}
