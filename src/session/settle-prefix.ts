import { InvalidInputError } from '../errors.ts';
import { prepareParams } from '../request/params.ts';
import {
  differingParts,
  isDeferred,
  isReordered,
  type Prefix,
  type PrefixPart,
  prefixOf,
} from '../request/prefix.ts';
import { type RunnableTool, splitTools } from '../request/runnable-tools.ts';
import type { ResolvedTurnOptions } from '../run/options.ts';
import { holdsThinking } from '../turn/history.ts';
import { prefixNotice } from '../turn/notices.ts';
import type { Notice } from '../turn/state.ts';
import type { SessionDefaults } from './next-turn.ts';
import type { SessionSnapshot } from './snapshot.ts';
import { withThinkingDropped } from './transitions.ts';

/** What the next turn of a session is sent with. */
interface SettledPrefix {
  readonly snapshot: SessionSnapshot;
  readonly defaults: SessionDefaults;
  readonly prefix: Prefix;
  readonly notices: readonly Notice[];
}

/**
 * Compares what the session sends before its messages with what the conversation was held under: newer models
 * answer 400 where they differ, or drop their thinking without a word.
 *
 * @throws {InvalidInputError} naming what differs, where the conversation
 * holds thinking and the option does not say what to do.
 */
export function settlePrefix(
  snapshot: SessionSnapshot,
  defaults: SessionDefaults,
  { addTool, onPrefixChange }: Pick<ResolvedTurnOptions, 'addTool' | 'onPrefixChange'>,
): SettledPrefix {
  const { params } = prepareParams({ ...defaults, messages: [{ role: 'user', content: '.' }] }, { addTool });
  const { prefix: stored, messages } = snapshot;
  const own = structuredClone(prefixOf(params));
  // A container goes out with the skills that it has where the params name none.
  const prefix = stored && own.skills.length === 0 ? { ...own, skills: stored.skills } : own;
  const parts = stored ? differingParts(stored, prefix) : [];
  if (!stored || messages.length === 0) return { snapshot, defaults, prefix, notices: [] };
  if (parts.length === 0) {
    // Their bytes count, and those that were sent are the stored ones.
    if (isReordered(stored, prefix)) {
      return { snapshot, defaults: keeping(stored, defaults), prefix: stored, notices: [] };
    }
    return { snapshot, defaults, prefix, notices: [] };
  }
  const changed = parts.filter((part) => part !== 'model');
  if (changed.length > 0 && onPrefixChange === 'keep') {
    const notices = [prefixNotice(parts, 'and the turn was sent with what it was held under')];
    return {
      snapshot,
      defaults: keeping(stored, defaults),
      prefix: { ...stored, model: prefix.model },
      notices,
    };
  }
  if (changed.length === 0 || !holdsThinking(messages)) {
    return { snapshot, defaults, prefix, notices: [prefixNotice(parts, 'and the new ones were sent')] };
  }
  if (onPrefixChange !== 'drop-thinking') throw new InvalidInputError(refusal(changed));
  const notices = [prefixNotice(parts, 'so its thinking was taken out')];
  return { snapshot: withThinkingDropped(snapshot), defaults, prefix, notices };
}

/** The defaults with what the conversation was held under, and the handlers of now. */
function keeping({ system, tools, skills }: Prefix, defaults: SessionDefaults): SessionDefaults {
  const { system: _, container: __, ...rest } = defaults;
  const { handlers } = splitTools(defaults.tools ?? []);
  const withHandler = (tool: Prefix['tools'][number]) => {
    const handler = 'name' in tool ? handlers.get(tool.name) : undefined;
    return handler ? ({ ...tool, ...functionsOf(handler) } as unknown as RunnableTool) : tool;
  };
  return {
    ...rest,
    ...(system === null ? {} : { system: system as string }),
    // Deferred tools are no part of it.
    tools: [
      ...tools.filter((tool) => !isDeferred(tool)).map(withHandler),
      ...(defaults.tools ?? []).filter(isDeferred),
    ],
    ...(skills.length > 0 ? { container: { skills: [...skills] } } : {}),
  };
}

function functionsOf(tool: RunnableTool): Pick<RunnableTool, 'run' | 'parse'> {
  const parse = tool.parse?.bind(tool);
  return { run: tool.run.bind(tool), ...(parse ? { parse } : {}) };
}

function refusal(parts: readonly PrefixPart[]): string {
  return (
    `The conversation was held with other ${parts.join(' and ')}, and holds thinking that newer models bind to ` +
    'them. Send what was sent at first, and put dates and the like into the user message. Or set ' +
    "onPrefixChange: 'keep' to send the stored ones, or 'drop-thinking' to go on without that thinking."
  );
}
