import type { InputUsage, ScriptedBlock } from '../protocol/answer.ts';
import { invalidRequest } from '../protocol/http.ts';
import { blocksOf, digest, isThinking, messageBlocks, toolsInPrompt, unmarked } from '../protocol/prompt.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import { skillsOf } from '../protocol/skills.ts';

/** Marks of a request at most (reported), and blocks that are looked back over from each (documented). */
const MOST_MARKS = 4;
const LOOK_BACK = 20;
const TTL_MS = { '5m': 5 * 60_000, '1h': 60 * 60_000 } as const;

type Ttl = keyof typeof TTL_MS;

/** A block of the prompt: everything up to its end, and the mark on it. */
interface Place {
  readonly key: string;
  /** Tokens up to its end. */
  readonly tokens: number;
  readonly mark: Ttl | undefined;
}

/**
 * The prompt cache: prefixes up to a mark, by model. One emulator is one organisation. Other
 * than the API it takes prefixes of any length; the real ones need from 512 to 4,096 tokens.
 */
export class PromptCache {
  readonly #entries = new Map<string, { readonly ttl: Ttl; expiresAt: number }>();
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Reads and writes what the marks of a request ask for. `tokens` is what all of it counts. */
  use(body: MessagesBody, tokens: number): InputUsage {
    const places = placesOf(body);
    const marked = places.flatMap(({ mark }, index) => (mark ? [index] : []));
    const hit = marked.map((index) => this.#longest(places, index)).reduce((a, b) => Math.max(a, b), -1);
    const read = places[hit]?.tokens ?? 0;
    const written = { '5m': 0, '1h': 0 };
    let end = read;
    for (const index of marked) {
      const { key, tokens: upTo, mark = '5m' } = places[index] as Place;
      const known = this.#live(key);
      // A read keeps an entry alive for as long as it was written for.
      if (known) known.expiresAt = this.#now().getTime() + TTL_MS[known.ttl];
      if (index <= hit) continue;
      written[mark] += upTo - end;
      end = upTo;
      this.#entries.set(key, { ttl: mark, expiresAt: this.#now().getTime() + TTL_MS[mark] });
    }
    return {
      input_tokens: Math.max(tokens - end, 0),
      cache_creation_input_tokens: end - read,
      cache_read_input_tokens: read,
      cache_creation: { ephemeral_5m_input_tokens: written['5m'], ephemeral_1h_input_tokens: written['1h'] },
    };
  }

  clear(): void {
    this.#entries.clear();
  }

  /** The last of the blocks before a mark that ends a prefix which is there, itself included; or -1. */
  #longest(places: readonly Place[], mark: number): number {
    for (let index = mark; index >= 0 && index > mark - LOOK_BACK; index--) {
      const entry = this.#live(places[index]?.key ?? '');
      if (!entry) continue;
      entry.expiresAt = this.#now().getTime() + TTL_MS[entry.ttl];
      return index;
    }
    return -1;
  }

  #live(key: string) {
    const entry = this.#entries.get(key);
    if (entry && entry.expiresAt > this.#now().getTime()) return entry;
    this.#entries.delete(key);
    return undefined;
  }
}

/**
 * Refuses marks that the API refuses.
 *
 * @throws {ApiFailure} 400, in words that were reported; of the second its path is left out.
 */
export function checkMarks(body: MessagesBody): void {
  const marks = unitsOf(body).flatMap((unit) => unit.marks);
  if (marks.length > MOST_MARKS) {
    const found = `Found ${marks.length}.`;
    throw invalidRequest(`A maximum of ${MOST_MARKS} blocks with cache_control may be provided. ${found}`);
  }
  if (marks.includes('5m') && marks.lastIndexOf('1h') > marks.indexOf('5m')) {
    throw invalidRequest(
      "cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. " +
        'Note that blocks are processed in the following order: `tools`, `system`, `messages`.',
    );
  }
}

/** A block of a prompt before its digest. */
interface Unit {
  readonly block: object;
  readonly scope: string;
  readonly marks: readonly Ttl[];
}

/** The blocks of a prompt in the order of the API: tools, system, messages. */
function unitsOf(body: MessagesBody): Unit[] {
  const unit = (scope: string) => (block: object) => ({ block, scope, marks: marksOf(block) });
  const before = [...toolsInPrompt(body).map(unit('tools')), ...blocksOf(body['system']).map(unit('system'))];
  const messages = body.messages.flatMap((message, index) =>
    messageBlocks(message).map(unit(`${message.role} ${index}`)),
  );
  const [mark] = marksOf({ cache_control: body['cache_control'] });
  // A mark on the whole request is one on the last block that can be cached.
  const last = messages.findLastIndex(({ block }) => canBeCached(block as ScriptedBlock));
  const marked = messages.map((one, index) =>
    mark && index === last && one.marks.length === 0 ? { ...one, marks: [mark] } : one,
  );
  return [...before, ...marked];
}

const canBeCached = (block: ScriptedBlock): boolean => !isThinking(block) && block['text'] !== '';

function placesOf(body: MessagesBody): Place[] {
  const units = unitsOf(body);
  // What nothing asks for is not computed: prompts are long.
  if (units.every(({ marks }) => marks.length === 0)) return [];
  // Metadata of skills stands in the system prompt. Another tool choice or
  // way of thinking restarts the messages, and not what is before them (documented).
  const skills = unmarked(skillsOf(body));
  const settings = unmarked([skills, body['tool_choice'], body['thinking']]);
  let [key, length] = [body.model, 0];
  return units.map(({ block, scope, marks }) => {
    const text = unmarked(block);
    const outside = { tools: '', system: skills }[scope] ?? settings;
    key = digest(`${key} ${scope} ${outside} ${text}`);
    length += text.length;
    return { key, tokens: Math.ceil(length / 4), mark: marks.at(-1) };
  });
}

/** The marks on a block, and on those inside of a tool's result. */
function marksOf(block: object): Ttl[] {
  const { cache_control: mark, content } = block as {
    readonly cache_control?: { readonly ttl?: unknown } | null;
    readonly content?: unknown;
  };
  const inner = Array.isArray(content) ? content.flatMap(marksOf) : [];
  if (!mark) return inner;
  return [...inner, mark.ttl === '1h' ? '1h' : '5m'];
}
