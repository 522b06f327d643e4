import { ApiFailure, invalidRequest } from '../protocol/http.ts';
import type { Store } from './store.ts';

/** What a thread keeps from the request that created it, and a continuation must not repeat. */
const CREATE_ONLY = ['system', 'tools'];

/**
 * The whole request that a message thread's short one stands for: beta
 * `message-threads-2026-08-12`, which the SDK's tool runner uses by default. A
 * continuation names the reply it goes on from and brings the new messages only.
 */
export function expandThread(body: Record<string, unknown>, store: Store): Record<string, unknown> {
  const thread = body['thread'] as
    | { readonly type?: string; readonly previous_message_id?: string }
    | null
    | undefined;
  if (thread == null) return body;
  if (thread.type === 'create') return body;
  if (thread.type !== 'continue') throw invalidRequest('thread.type: must be create or continue');
  const kept = store.threads.get(thread.previous_message_id ?? '');
  if (!kept) {
    const message = `emulator: no thread ends in message \`${thread.previous_message_id}\`.`;
    throw new ApiFailure(404, 'not_found_error', message, 'thread_not_found');
  }
  const repeated = CREATE_ONLY.find((field) => body[field] !== undefined);
  if (repeated) throw invalidRequest(`${repeated}: taken from the thread, and must not be repeated`);
  const messages = Array.isArray(body['messages']) ? body['messages'] : [];
  return { ...kept.fields, ...body, messages: [...kept.messages, ...messages] };
}

/** Keeps a conversation under its newest reply, so that it can be continued from there. */
export function rememberThread(
  body: Record<string, unknown>,
  reply: { readonly id: string; readonly content: readonly object[] },
  store: Store,
): void {
  if (body['thread'] == null) return;
  const messages = [...(body['messages'] as object[]), { role: 'assistant', content: reply.content }];
  const fields = Object.fromEntries(
    CREATE_ONLY.flatMap((field) => (field in body ? [[field, body[field]]] : [])),
  );
  store.threads.set(reply.id, { fields, messages });
}
