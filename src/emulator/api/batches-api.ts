import * as z from 'zod/v4-mini';
import type { Terms } from '../checks/check-headers.ts';
import { ApiFailure, errorBody, invalidRequest, json, notFound } from '../protocol/http.ts';
import type { ReceivedRequest } from '../protocol/received-request.ts';
import { parseObject } from '../protocol/request-body.ts';
import type { MessagesService } from '../response/respond.ts';
import type { Store, StoredBatch } from '../store/store.ts';
import { createMessage } from './messages-api.ts';
import { idPage } from './pages.ts';

/** A batch expires a day after it was made. */
const LIFETIME_MS = 24 * 60 * 60 * 1000;

const batchBody = z.object({
  requests: z
    .array(
      z.object({
        custom_id: z.string().check(z.regex(/^[a-zA-Z0-9_-]{1,64}$/)),
        params: z.looseObject({}),
      }),
    )
    .check(z.minLength(1), z.maxLength(100_000)),
});

/** The Message Batches endpoints. `path` is what follows `/v1/messages/batches`. */
export async function handleBatches(
  request: ReceivedRequest,
  path: string,
  terms: Terms,
  service: MessagesService,
): Promise<Response | undefined> {
  const { store } = service;
  const [, id, action] = path.split('/');
  const describe = (batch: StoredBatch, status?: number) =>
    json(formatted(batch, request.url.origin), store.ids, status);
  if (!id) {
    if (request.method === 'POST')
      return describe(await createBatch(request, { ...terms, isBatch: true }, service));
    if (request.method === 'GET') {
      const { origin, searchParams } = request.url;
      const page = idPage([...store.batches.values()].toReversed(), searchParams);
      for (const batch of page.data) await finished(batch);
      return json({ ...page, data: page.data.map((batch) => formatted(batch, origin)) }, store.ids);
    }
    return undefined;
  }
  const batch = store.batches.get(id);
  if (!batch) throw notFound(`Message batch \`${id}\` not found.`);
  if (request.method === 'GET' && action === undefined) {
    // The next request finds it done: a test waits for nothing.
    await finished(batch);
    return describe(batch);
  }
  if (request.method === 'GET' && action === 'results') return results(batch, store);
  if (request.method === 'DELETE' && action === undefined) {
    if (!batch.endedAt) throw invalidRequest(`Message batch \`${id}\` has not ended: cancel it first.`);
    store.batches.delete(id);
    return json({ id, type: 'message_batch_deleted' }, store.ids);
  }
  if (request.method === 'POST' && action === 'cancel') {
    batch.cancelledAt ??= store.now();
    return describe(batch);
  }
  return undefined;
}

/** The next request for a batch finds it done. */
async function finished(batch: StoredBatch): Promise<void> {
  batch.run ??= batch.start();
  await batch.run;
}

async function createBatch(
  request: ReceivedRequest,
  terms: Terms,
  service: MessagesService,
): Promise<StoredBatch> {
  const parsed = batchBody.safeParse(parseObject(request.text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalidRequest(`${issue?.path.join('.') || 'body'}: ${issue?.message}`);
  }
  const { requests } = parsed.data;
  const ids = requests.map(({ custom_id }) => custom_id);
  if (new Set(ids).size < ids.length)
    throw invalidRequest('requests: custom_id must be unique within the batch');
  const { store } = service;
  const batch: StoredBatch = {
    id: store.ids.next('msgbatch'),
    createdAt: store.now(),
    expiresAt: new Date(store.now().getTime() + LIFETIME_MS),
    customIds: ids,
    results: new Map(),
    endedAt: undefined,
    cancelledAt: undefined,
    start: () => run(batch, requests, terms, service),
    run: undefined,
  };
  store.batches.set(batch.id, batch);
  return batch;
}

/** Items are answered in the order of the requests, each by the next response of the script. */
async function run(
  batch: StoredBatch,
  requests: z.infer<typeof batchBody>['requests'],
  terms: Terms,
  service: MessagesService,
): Promise<void> {
  for (const { custom_id: customId, params } of requests) {
    const result =
      missed(batch, service.store) ??
      scripted(customId, params, service) ??
      (await resultOf(params, terms, service));
    batch.results.set(customId, result);
  }
  batch.endedAt = service.store.now();
}

/** What becomes of an item that was not begun in time. */
function missed(
  { cancelledAt, expiresAt }: StoredBatch,
  { now }: Store,
): { readonly type: string } | undefined {
  if (cancelledAt) return { type: 'canceled' };
  return expiresAt <= now() ? { type: 'expired' } : undefined;
}

/** What the emulator's author makes of an item. */
function scripted(
  customId: string,
  params: Record<string, unknown>,
  { batchItem, store }: MessagesService,
): { readonly type: string } | undefined {
  const fate = batchItem?.(customId, params);
  if (fate === undefined || typeof fate === 'string') return fate && { type: fate };
  const { type, message = `emulated ${type}` } = fate;
  return { type: 'errored', error: errorBody(type, message, store.ids.next('req')) } as { type: string };
}

async function resultOf(
  params: Record<string, unknown>,
  terms: Terms,
  service: MessagesService,
): Promise<{ readonly type: string }> {
  try {
    if (params['stream']) throw invalidRequest('stream: not supported in batches');
    const message = await createMessage(params, terms, service);
    return { type: 'succeeded', message } as { type: string };
  } catch (cause) {
    const type = cause instanceof ApiFailure ? cause.type : 'api_error';
    const message = cause instanceof Error ? cause.message : String(cause);
    const error = errorBody(type, message, service.store.ids.next('req'));
    return { type: 'errored', error } as { type: string };
  }
}

/**
 * JSON lines. Their order is not promised, and here it is
 * the reverse: a program that relies on it should fail.
 */
function results(batch: StoredBatch, store: Store): Response {
  if (!batch.endedAt) throw invalidRequest('Batch has no available results: it has not ended.');
  const lines = batch.customIds
    .toReversed()
    .map((id) => JSON.stringify({ custom_id: id, result: batch.results.get(id) }));
  const headers = { 'content-type': 'application/x-jsonl', 'request-id': store.ids.next('req') };
  return new Response(`${lines.join('\n')}\n`, { headers });
}

function formatted(batch: StoredBatch, origin: string) {
  const count = (type: string) => [...batch.results.values()].filter((result) => result.type === type).length;
  const isOpen = batch.endedAt === undefined;
  return {
    id: batch.id,
    type: 'message_batch',
    processing_status: isOpen ? (batch.cancelledAt ? 'canceling' : 'in_progress') : 'ended',
    request_counts: {
      processing: isOpen ? batch.customIds.length : 0,
      succeeded: isOpen ? 0 : count('succeeded'),
      errored: isOpen ? 0 : count('errored'),
      canceled: isOpen ? 0 : count('canceled'),
      expired: isOpen ? 0 : count('expired'),
    },
    created_at: batch.createdAt.toISOString(),
    expires_at: batch.expiresAt.toISOString(),
    ended_at: batch.endedAt?.toISOString() ?? null,
    cancel_initiated_at: batch.cancelledAt?.toISOString() ?? null,
    archived_at: null,
    results_url: isOpen ? null : `${origin}/v1/messages/batches/${batch.id}/results`,
  };
}
