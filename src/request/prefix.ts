import type { SkillParams, TextBlockParam, ToolUnion } from '@anthropic-ai/sdk/resources/messages';
import type { RequestParams } from '../turn/turn.ts';
import { isRecord } from '../wire/blocks.ts';

/**
 * What stands before all messages of a request. Newer models bind thinking to it, and Claude
 * reads the skills of a container in it, too (wire.md 10 and 15.1). The model is not part of it,
 * but thinking of another model is not read.
 */
export interface Prefix {
  readonly model: string;
  readonly system: string | readonly TextBlockParam[] | null;
  readonly tools: readonly ToolUnion[];
  readonly skills: readonly SkillParams[];
}

/** A part of a {@link Prefix}. */
export type PrefixPart = keyof Prefix;

/** What the params of a request put before its messages. */
export function prefixOf({ model, system, tools = [], container }: RequestParams): Prefix {
  const skills = isRecord(container) && Array.isArray(container['skills']) ? container['skills'] : [];
  return { model, system: system ?? null, tools, skills };
}

/**
 * The parts in which two prefixes differ for the API: `cache_control`,
 * tools that are deferred, and the order of keys make no difference.
 */
export function differingParts(one: Prefix, other: Prefix): PrefixPart[] {
  const parts: PrefixPart[] = ['model', 'system', 'tools', 'skills'];
  return parts.filter((part) => comparable(one[part]) !== comparable(other[part]));
}

/** Whether two prefixes that do not differ have their keys in another order. */
export function isReordered(one: Prefix, other: Prefix): boolean {
  return (['system', 'tools'] as const).some((part) => counting(one[part]) !== counting(other[part]));
}

/** Whether a tool is not in the prompt until it is looked for. */
export function isDeferred(tool: object): boolean {
  return 'defer_loading' in tool && Boolean(tool.defer_loading);
}

function comparable(part: Prefix[PrefixPart]): string {
  return canonical(JSON.parse(counting(part)));
}

/** What of a part counts, as it is sent. */
function counting(part: Prefix[PrefixPart]): string {
  if (!Array.isArray(part)) return JSON.stringify(part);
  const entries = part.filter((entry: object) => !isDeferred(entry));
  return JSON.stringify(entries.map(({ cache_control: _, ...rest }) => rest));
}

/** JSON in which the order of keys makes no difference: stores and tools change it. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, inOrder);
}

function inOrder(_: string, value: unknown): unknown {
  return isRecord(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
}
