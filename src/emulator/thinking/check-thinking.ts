import type { Terms } from '../checks/check-headers.ts';
import { invalidRequest } from '../protocol/http.ts';
import { bindsThinking, withoutDate } from '../protocol/models.ts';
import { digest, isThinking, messageBlocks } from '../protocol/prompt.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import { changeSince, type Prefix, prefixOf, type Seal, sealOf, signed } from './seal.ts';

/** What becomes of thinking whose prefix changed; see `prefixCheck` of the emulator's options. */
export type PrefixCheck = 'off' | 'silent' | 'enforced';

/** The header that allows `thinking.block_binding` and reports what was dropped. */
const CONTROLS = 'thinking-binding-controls-2026-08-01';

/** An entry of `input_transformations`. */
interface Dropped {
  readonly type: 'thinking_dropped';
  readonly path: string;
  readonly reason: 'model_binding_mismatch' | 'prefix_binding_mismatch';
}

/** The thinking of a request: what the model sees of it, and the signatures of more. */
export interface Thinking {
  /** Signs the next block of the response. */
  readonly sign: (text: string) => string;
  /** `input_transformations`, where the request has the header for it. */
  readonly dropped: readonly Dropped[] | undefined;
}

/**
 * Checks every thinking block that an emulator signed against what stands before it now (documented).
 * Blocks of the same message do not count as such: whether they do is not known.
 *
 * @throws {ApiFailure} 400 where the check is enforced, and for signatures that were changed.
 */
export function checkThinking(body: MessagesBody, terms: Terms, option: PrefixCheck): Thinking {
  const hasControls = terms.betas.includes(CONTROLS);
  const check = checkAskedFor(body, hasControls, option, terms.isBatch);
  const prefix = lazily(() => prefixOf(body));
  const kept: Seal[] = [];
  const dropped: Dropped[] = [];
  const drop = (path: string, reason: Dropped['reason']) =>
    dropped.push({ type: 'thinking_dropped', path, reason });
  for (const [index, message] of body.messages.entries()) {
    for (const [place, block] of messageBlocks(message).entries()) {
      if (check === 'off' || message.role !== 'assistant' || !isThinking(block)) continue;
      const path = `messages.${index}.content.${place}`;
      const seal = sealOf(block['signature']);
      if (!seal) continue;
      if (seal === 'damaged') throw invalidRequest(`${path}: Invalid \`signature\` in \`thinking\` block`);
      if (seal.text !== digest(String(block['thinking']))) throw edited(path);
      if (withoutDate(seal.model) !== withoutDate(body.model)) {
        drop(path, 'model_binding_mismatch');
        continue;
      }
      const change = bindsThinking(body.model) ? changeOf(seal, prefix(), index, kept) : undefined;
      if (change === undefined) kept.push(seal);
      else if (check === 'enforced') throw mismatch(path, change, hasControls);
      else drop(path, 'prefix_binding_mismatch');
    }
  }
  return { sign: signerOf(body.model, prefix, kept), dropped: hasControls ? dropped : undefined };
}

/** The request's own word goes before the option. Batches drop blocks where they say nothing (documented). */
function checkAskedFor(
  { thinking }: MessagesBody,
  hasControls: boolean,
  option: PrefixCheck,
  isBatch: boolean,
): PrefixCheck {
  const { type, block_binding: binding } = (thinking ?? {}) as Record<string, unknown>;
  const at = `thinking.${type}.block_binding`;
  if (thinking != null && type === undefined) throw invalidRequest('thinking.type: Field required');
  if (binding != null && !hasControls) throw invalidRequest(`${at}: Extra inputs are not permitted`);
  const asked = (binding as { prefix_mismatch_behavior?: unknown } | null | undefined)
    ?.prefix_mismatch_behavior;
  if (asked != null && asked !== 'error' && asked !== 'drop_block') {
    // A guess at the words.
    throw invalidRequest(`${at}.prefix_mismatch_behavior: Input should be 'error' or 'drop_block'`);
  }
  if (option === 'off') return 'off';
  if (asked != null) return asked === 'error' ? 'enforced' : 'silent';
  return isBatch ? 'silent' : option;
}

/**
 * What was changed before a block. Of the thinking before it, the oldest may be missing, and
 * nothing else: what is there must end with the block that the model saw last, and be no more than it saw.
 */
function changeOf(seal: Seal, prefix: Prefix, index: number, kept: readonly Seal[]): string | undefined {
  const change = changeSince(seal, prefix, index);
  if (change) return `${change} differs from the one this block was created with.`;
  const last = kept.at(-1);
  if (!last || (last.id === seal.before && kept.length <= seal.depth)) return undefined;
  return 'An earlier thinking block is missing or out of order.';
}

/** Recorded for the system prompt and reported for tools. That others are named is documented, not how. */
function mismatch(path: string, change: string, hasControls: boolean): Error {
  const header = hasControls
    ? ''
    : ` That setting requires the \`${CONTROLS}\` value in the \`anthropic-beta\` header.`;
  return invalidRequest(
    `${path}: Invalid \`signature\` in \`thinking\` block. The block is bound to a different conversation. ` +
      `Remove the block, or set \`thinking.block_binding.prefix_mismatch_behavior\` to "drop_block".${header} ${change}`,
  );
}

/** Documented with the first sentence; the second was reported. */
function edited(path: string): Error {
  return invalidRequest(
    `${path}: \`thinking\` or \`redacted_thinking\` blocks in the latest assistant message cannot be modified. ` +
      'These blocks must remain as they were in the original response.',
  );
}

function signerOf(model: string, prefix: () => Prefix, kept: readonly Seal[]): Thinking['sign'] {
  let before = kept.at(-1)?.id ?? '';
  let depth = kept.length;
  return (text) => {
    const { system, tools, skills, messages } = prefix();
    const seal = { model, text: digest(text), system, tools, skills, messages: messages.join(''), before };
    const { signature, id } = signed({ ...seal, depth: depth++ });
    before = id;
    return signature;
  };
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
