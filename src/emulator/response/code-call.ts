import type { ScriptedBlock } from '../protocol/answer.ts';
import type { ToolCall, ToolReply } from '../sandbox/sandbox.ts';
import type { StoredContainer } from '../store/store.ts';
import { type Call, resultBlock, type Stage, serverToolUse } from './call.ts';
import { type CommandOutcome, runCommand } from './container.ts';
import { RunningCell } from './running-cell.ts';
import { webReply } from './web-pages.ts';

/** Whichever version is declared, calls from code name this one (documented). */
const CALLER = 'code_execution_20260120';
/**
 * A call that waits longer raises a TimeoutError in the code; the number stands in its message (documented).
 */
const TOOL_TIMEOUT_MS = 270_000;

/**
 * Python code, which may call tools: those of the web are
 * answered here, others wait for the caller's next request.
 */
export class CodeCall implements Call {
  readonly block: ScriptedBlock;
  readonly #id: string;
  readonly #source: string;
  #cell: RunningCell | undefined;
  #searched = false;
  /** The calls of the last moment: each with its reply, or with the id under which the caller answers it. */
  #open: { readonly name: string; readonly id: string; readonly reply: ToolReply | undefined }[] = [];
  #askedAt = new Date(0);

  constructor(id: string, source: string) {
    this.#id = id;
    this.#source = source;
    this.block = serverToolUse(id, 'code_execution', { code: source });
  }

  /** The code waits for results of the caller's tools. */
  get isWaiting(): boolean {
    return this.#open.some(({ reply }) => !reply);
  }

  /** Brings the results of those calls, by their ids. */
  reply(results: ReadonlyMap<string, ToolReply>, now: Date): void {
    const late = now.getTime() - this.#askedAt.getTime() > TOOL_TIMEOUT_MS;
    const replies = this.#open.map(({ name, id, reply }): ToolReply => {
      if (reply) return reply;
      if (late) return { kind: 'timeout', text: timeoutMessage(name) };
      return results.get(id) ?? { kind: 'error', text: 'no result' };
    });
    this.#open = [];
    this.#cell?.answer(replies);
  }

  async *run(stage: Stage): AsyncGenerator<ScriptedBlock, boolean> {
    this.#cell ??= this.#start(stage);
    const cell = this.#cell;
    const stop = () => cell.abort();
    stage.signal.addEventListener('abort', stop);
    try {
      for (;;) {
        const moment = await cell.next();
        if (moment.outcome) {
          yield resultBlock(this.block, this.#content(moment.outcome));
          return false;
        }
        this.#open = [];
        for (const call of moment.calls) yield* this.#announce(call, stage);
        if (this.isWaiting) {
          this.#askedAt = stage.store.now();
          return true;
        }
        cell.answer(this.#open.map(({ reply }) => reply as ToolReply));
      }
    } finally {
      stage.signal.removeEventListener('abort', stop);
    }
  }

  #start(stage: Stage): RunningCell {
    const { container, toolbox, life } = stage;
    const names = [...toolbox.web.keys(), ...toolbox.fromCode];
    return new RunningCell(life, (call, signal) =>
      runCommand(
        container as StoredContainer,
        {
          id: this.#id,
          language: 'python',
          source: this.#source,
          keepsState: toolbox.keepsState,
          tools: { names, call },
        },
        { store: stage.store, signal },
      ),
    );
  }

  /** The block of a call that the code makes. A web tool is answered at once. */
  *#announce({ name, input }: ToolCall, { store, toolbox, web }: Stage): Generator<ScriptedBlock> {
    const caller = { type: CALLER, tool_id: this.#id };
    const settings = toolbox.web.get(name);
    if (!settings) {
      const id = store.ids.next('toolu');
      this.#open.push({ name, id, reply: undefined });
      yield { type: 'tool_use', id, name, input, caller };
      return;
    }
    const id = store.ids.next('srvtoolu');
    const content = webReply(web, name, input, store.now());
    this.#open.push({ name, id, reply: { kind: 'text', text: JSON.stringify(content) } });
    this.#searched ||= name === 'web_search';
    if (settings.excluded) return;
    yield { type: 'server_tool_use', id, name, input, caller };
    yield { type: `${name}_tool_result`, tool_use_id: id, content, caller };
  }

  #content({ stdout, stderr, returnCode, fileIds }: CommandOutcome): Record<string, unknown> {
    const content = fileIds.map((fileId) => ({ type: 'code_execution_output', file_id: fileId }));
    const rest = { stderr, return_code: returnCode, content };
    // What was searched for may not be shown as it is.
    if (this.#searched) {
      const bytes = new TextEncoder().encode(stdout);
      const encrypted = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
      return { type: 'encrypted_code_execution_result', encrypted_stdout: encrypted, ...rest };
    }
    // Null in every recording since March 2026.
    return { type: 'code_execution_result', stdout, ...rest, abort_reason: null };
  }
}

function timeoutMessage(name: string): string {
  return `Calling tool ['${name}'] timed out (no response after ${TOOL_TIMEOUT_MS / 1000}s).`;
}
