import { blocksOf, digest, isThinking, toolsInPrompt, unmarked } from '../protocol/prompt.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import { skillsOf } from '../protocol/skills.ts';

/** Characters of a digest that a seal keeps of each message. */
const LENGTH = 12;
/** How every signature of the emulator begins, in base64: those of the real API are told from them by it. */
const FORM = 'emulated-thinking:';
const START = btoa(FORM);

/** What stands before a thinking block, as digests. */
export interface Prefix {
  readonly system: string;
  readonly tools: string;
  readonly skills: string;
  /** One for each message, `''` for one of nothing but thinking, which may be removed. */
  readonly messages: readonly string[];
}

/** What the signature of a thinking block says about it. */
export interface Seal {
  readonly id: string;
  readonly model: string;
  readonly text: string;
  readonly system: string;
  readonly tools: string;
  readonly skills: string;
  /** Those of the messages before, joined. */
  readonly messages: string;
  /** The id of the thinking block before it that the model saw, and how many it saw. */
  readonly before: string;
  readonly depth: number;
}

/** Digests of a whole request: what stands before a block that answers it. */
export function prefixOf(body: MessagesBody): Prefix {
  return {
    system: digest(unmarked(blocksOf(body['system']))),
    tools: digest(unmarked(toolsInPrompt(body))),
    // Their metadata stands in the system prompt (documented).
    skills: digest(unmarked(skillsOf(body))),
    messages: body.messages.map(({ role, content, ...rest }) => {
      const all = blocksOf(content);
      const blocks = all.filter((block) => !isThinking(block));
      if (blocks.length === 0 && all.length > 0) return '';
      return digest(unmarked([role, blocks, rest])).slice(0, LENGTH);
    }),
  };
}

/**
 * The signature of a block over what stands before it. There is no key in it, so that
 * every emulator, and the same one after a restart, can read what another one signed.
 */
export function signed(seal: Omit<Seal, 'id'>): { readonly signature: string; readonly id: string } {
  const { model, text, system, tools, skills, messages, before, depth } = seal;
  const content = JSON.stringify([model, text, system, tools, skills, messages, before, depth]);
  const id = digest(FORM + content);
  return { signature: START + btoa(`${id} ${content}`), id };
}

/** `undefined` for a signature that no emulator made, `'damaged'` for one that was changed. */
export function sealOf(signature: unknown): Seal | 'damaged' | undefined {
  if (typeof signature !== 'string' || !signature.startsWith(START)) return undefined;
  try {
    const [, id = '', content = ''] = /^(\w+) (.*)$/s.exec(atob(signature.slice(START.length))) ?? [];
    if (digest(FORM + content) !== id) return 'damaged';
    const [model, text, system, tools, skills, messages, before, depth] = JSON.parse(content);
    return { id, model, text, system, tools, skills, messages, before, depth };
  } catch {
    return 'damaged';
  }
}

/** What differs from the prefix that a block of message `index` was made with, as a subject; or nothing. */
export function changeSince(seal: Seal, prefix: Prefix, index: number): string | undefined {
  if (seal.system !== prefix.system) return 'The `system` prompt';
  if (seal.tools !== prefix.tools) return 'The `tools` list';
  if (seal.skills !== prefix.skills) return 'The `container.skills` list';
  let at = 0;
  for (const [place, message] of prefix.messages.slice(0, index).entries()) {
    if (message === '') continue;
    if (seal.messages.slice(at, at + LENGTH) !== message) return `\`messages.${place}\``;
    at += LENGTH;
  }
  return at === seal.messages.length ? undefined : `The content before \`messages.${index}\``;
}
