import type { ContentBlockParam, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { requestedContainerId } from '../request/container.ts';
import type { RequestParams } from '../request/params.ts';
import { isRecord } from '../wire/blocks.ts';

/** A container id with the time when it expires, where that is known. */
export interface KnownContainer {
  readonly id: string;
  readonly expiresAt: string | null;
}

/**
 * Whether a refusal says that the container of its request is gone. There is no code for it: a 404 or 400 whose message names it, or, as
 * users report, a plain 500 for one that is past its expiry.
 */
export function tellsOfLostContainer(error: unknown, { id, expiresAt }: KnownContainer, now: Date): boolean {
  if (!isRecord(error) || typeof error['status'] !== 'number') return false;
  const { status } = error;
  const message = String(error['message'] ?? '');
  if (status === 404 || status === 400) {
    // A 404 may speak of a file, or of another container.
    return message.includes(id) || (status === 404 && /\bcontainer (was )?not found/i.test(message));
  }
  return status === 500 && expiresAt !== null && Date.parse(expiresAt) <= now.getTime();
}

/** The same request for a fresh container: skills stay, and uploads of the conversation are repeated in its newest message. */
export function inFreshContainer(params: RequestParams): RequestParams {
  const { container, messages, ...rest } = params;
  const skills = isRecord(container) && Array.isArray(container['skills']) ? container['skills'] : [];
  return {
    ...rest,
    messages: withUploads(messages, uploadsIn(messages)),
    ...(skills.length > 0 ? { container: { skills } } : {}),
  };
}

/** Ids of all uploaded files of a conversation, in order, each once. */
export function uploadsIn(messages: readonly MessageParam[]): string[] {
  const blocks = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content));
  return [...new Set(blocks.flatMap((block) => (block.type === 'container_upload' ? [block.file_id] : [])))];
}

/** The messages with these files uploaded in the newest one, where they are not yet. */
export function withUploads(messages: readonly MessageParam[], fileIds: readonly string[]): MessageParam[] {
  const last = messages.at(-1);
  if (last?.role !== 'user') return [...messages];
  const present = uploadsIn([last]);
  const missing = fileIds.filter((id) => !present.includes(id));
  if (missing.length === 0) return [...messages];
  const content: ContentBlockParam[] =
    typeof last.content === 'string' ? [{ type: 'text', text: last.content }] : last.content;
  const added = missing.map((id): ContentBlockParam => ({ type: 'container_upload', file_id: id }));
  return [...messages.slice(0, -1), { ...last, content: [...content, ...added] }];
}

/** What is known of the container that a request asks for. */
export function requestedContainer(
  params: RequestParams,
  known: readonly (KnownContainer | null)[],
): KnownContainer | undefined {
  const id = requestedContainerId(params.container);
  if (id === null) return undefined;
  return { id, expiresAt: known.find((one) => one?.id === id)?.expiresAt ?? null };
}
