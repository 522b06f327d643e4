import { invalidRequest } from '../protocol/http.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import type { ApiVersion } from './check-headers.ts';

type Block = Readonly<Record<string, unknown>>;

/**
 * What version 2026-10-21 of the API no longer takes (its
 * migration page; the wording of the first was reported).
 */
export function checkVersion(body: MessagesBody, version: ApiVersion): void {
  if (version === '2023-06-01') return;
  const removed = ['temperature', 'top_p', 'top_k'].find((name) => body[name] !== undefined);
  if (removed) throw invalidRequest(`${removed}: Extra inputs are not permitted`);
  for (const [index, { role, content }] of body.messages.entries()) {
    const blocks: readonly Block[] = typeof content === 'string' ? [] : content;
    const place = blocks.findIndex((block) =>
      role === 'assistant' ? block['type'] === 'document' : textsOf(block).some(isCited),
    );
    if (place < 0) continue;
    throw invalidRequest(
      `messages.${index}.content.${place}: ${role === 'assistant' ? '`document` blocks are not permitted in assistant messages' : '`citations` are not permitted in user messages'}`,
    );
  }
}

/** A text, or those of a search result. */
function textsOf(block: Block): readonly Block[] {
  if (block['type'] === 'search_result' && Array.isArray(block['content'])) return block['content'];
  return [block];
}

function isCited({ type, citations }: Block): boolean {
  return type === 'text' && Array.isArray(citations) && citations.length > 0;
}
