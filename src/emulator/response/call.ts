import type { ScriptedBlock } from '../protocol/answer.ts';
import type { Life } from '../protocol/life.ts';
import type { Toolbox } from '../protocol/toolbox.ts';
import type { LastResult } from '../script/words.ts';
import type { Store, StoredContainer } from '../store/store.ts';
import type { WebPages } from './web-pages.ts';

/** Where steps are played. */
export interface Stage {
  /** There for every response that runs commands. */
  readonly container: StoredContainer | undefined;
  /** What the last command of the conversation did, before this response. */
  readonly before: LastResult;
  readonly store: Store;
  readonly toolbox: Toolbox;
  readonly web: WebPages;
  /** Signs the next thinking block. */
  readonly sign: (thinking: string) => string;
  /** Ends what runs: the client reads no further. */
  readonly signal: AbortSignal;
  /** What waits between two requests ends with the emulator only. */
  readonly life: Life;
}

/** A call that was announced, and what comes of it. */
export interface Call {
  readonly block: ScriptedBlock;
  /**
   * The blocks after it, the last of which is its result, or
   * `true` when it waits for results of the caller's tools.
   */
  run(stage: Stage): AsyncGenerator<ScriptedBlock, boolean>;
}

/** Since April 2026 calls of the code execution tools carry no `caller` (recorded). */
export function serverToolUse(id: string, name: string, input: Record<string, unknown>): ScriptedBlock {
  return { type: 'server_tool_use', id, name, input };
}

export function resultBlock({ id, name }: ScriptedBlock, content: unknown): ScriptedBlock {
  return { type: `${name}_tool_result`, tool_use_id: id, content };
}
