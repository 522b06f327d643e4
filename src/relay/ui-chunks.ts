import { attempt } from '../errors.ts';
import type { Artifact } from '../turn/artifact.ts';
import type { TurnEvent } from '../turn/events.ts';
import type { Execution } from '../turn/execution.ts';
import type { Outcome, ServerToolUse, ToolUse } from '../turn/state.ts';

/** A chunk of the AI SDK's UI message stream, version 1 (checked with `ai` 7.0). */
export interface UIChunk {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** What chunks need besides the events. */
export interface UIChunkOptions {
  readonly messageId?: string | undefined;
  /** Where the browser gets a file; `undefined` for one that it may not have. */
  readonly fileUrl?: ((artifact: Artifact) => string | undefined) | undefined;
}

const FINISH_REASONS: Readonly<Record<Outcome, string>> = {
  completed: 'stop',
  truncated: 'length',
  refused: 'content-filter',
  'awaiting-tools': 'tool-calls',
  paused: 'other',
  unknown: 'other',
};

/** How far a call was told. */
interface Call {
  readonly toolName: string;
  readonly isOwnTool: boolean;
  state: 'writing' | 'announced' | 'done';
  /** The field whose text is being written. */
  field: string | undefined;
}

/** Translates the events of a turn, one after the other. */
export class UIChunks {
  readonly #options: UIChunkOptions;
  readonly #calls = new Map<string, Call>();
  readonly #files = new Set<string>();
  /** Calls and files of this step, which a repeated response takes back. */
  #ofStep: string[] = [];
  #open: { readonly type: 'text' | 'reasoning'; readonly id: string } | undefined;
  #parts = 0;
  #hasStarted = false;
  #isInStep = false;
  /** The step was taken back, and the next response goes on in it. */
  #isReset = false;

  constructor(options: UIChunkOptions) {
    this.#options = options;
  }

  /** The chunks of one event, in order. */
  of(event: TurnEvent): UIChunk[] {
    if (event.type === 'text-delta') return this.#written('text', event.text);
    if (event.type === 'thinking-delta') return this.#written('reasoning', event.text);
    const chunks = this.#started();
    // Counters come in the middle of a text.
    if (event.type !== 'usage' && event.type !== 'notice') chunks.push(...this.#closed());
    chunks.push(...this.#told(event));
    return chunks;
  }

  #told(event: Exclude<TurnEvent, { type: 'text-delta' | 'thinking-delta' }>): UIChunk[] {
    switch (event.type) {
      case 'response-start':
        return [...this.#answered(), ...this.#stepStarted()];
      case 'execution-start':
        return [this.#begun(event.execution.id, nameOf(event.execution), false)];
      case 'code-delta':
        return this.#source(event.id, event.field, event.text);
      case 'execution-running':
        return this.#announced(event.execution.id, nameOf(event.execution), inputOf(event.execution));
      case 'execution-end':
        return this.#ended(event.execution);
      case 'tool-use':
        return this.#ownTool(event.toolUse);
      case 'server-tool':
        return this.#serverTool(event.serverTool);
      case 'artifact':
        return this.#file(event.artifact);
      case 'usage':
        return [{ type: 'data-usage', id: `usage-${event.responseIndex}`, data: event.usage }];
      case 'notice': {
        const { code, message, responseIndex } = event.notice;
        return [{ type: 'data-notice', data: { code, message, responseIndex } }];
      }
      case 'pause':
        return [...this.#stepEnded(), { type: 'data-pause', data: { responseIndex: event.responseIndex } }];
      case 'response-end':
        return this.#stepEnded();
      case 'response-repeat':
        return this.#takenBack();
      case 'turn-end':
        return [
          ...this.#unanswered(event.outcome),
          ...this.#stepEnded(),
          { type: 'finish', finishReason: FINISH_REASONS[event.outcome] },
        ];
      case 'turn-error':
        return [
          ...this.#unanswered(null),
          ...this.#stepEnded(),
          event.code === 'aborted'
            ? { type: 'abort', reason: event.message }
            : { type: 'error', errorText: event.message },
        ];
      // The container is the server's, and what is unknown has no form that a browser could show.
      case 'container':
      case 'unknown':
        return [];
    }
  }

  #started(): UIChunk[] {
    if (this.#hasStarted) return [];
    this.#hasStarted = true;
    const { messageId } = this.#options;
    return [{ type: 'start', ...(messageId === undefined ? {} : { messageId }) }];
  }

  #stepStarted(): UIChunk[] {
    const chunks: UIChunk[] = this.#isReset ? [] : [...this.#stepEnded(), { type: 'start-step' }];
    this.#isReset = false;
    this.#isInStep = true;
    this.#ofStep = [];
    return chunks;
  }

  #stepEnded(): UIChunk[] {
    if (!this.#isInStep) return [];
    this.#isInStep = false;
    return [{ type: 'finish-step' }];
  }

  #written(type: 'text' | 'reasoning', delta: string): UIChunk[] {
    const chunks = this.#started();
    if (this.#open?.type !== type) {
      chunks.push(...this.#closed());
      this.#open = { type, id: `${type}-${this.#parts++}` };
      chunks.push({ type: `${type}-start`, id: this.#open.id });
    }
    chunks.push({ type: `${type}-delta`, id: this.#open.id, delta });
    return chunks;
  }

  #closed(): UIChunk[] {
    const open = this.#open;
    this.#open = undefined;
    return open ? [{ type: `${open.type}-end`, id: open.id }] : [];
  }

  #begun(toolCallId: string, toolName: string, isOwnTool: boolean): UIChunk {
    this.#calls.set(toolCallId, { toolName, isOwnTool, state: 'writing', field: undefined });
    this.#ofStep.push(toolCallId);
    return { type: 'tool-input-start', toolCallId, toolName, ...DYNAMIC };
  }

  /** The source as JSON of the input, as the AI SDK reads it while it is written. */
  #source(toolCallId: string, field: string, text: string): UIChunk[] {
    const call = this.#calls.get(toolCallId);
    if (!call) return [];
    const start = call.field === undefined ? '{' : '",';
    const key = call.field === field ? '' : `${start}${JSON.stringify(field)}:"`;
    call.field = field;
    return [
      { type: 'tool-input-delta', toolCallId, inputTextDelta: key + JSON.stringify(text).slice(1, -1) },
    ];
  }

  #announced(toolCallId: string, toolName: string, input: unknown, isOwnTool = false): UIChunk[] {
    const start = this.#calls.has(toolCallId) ? [] : [this.#begun(toolCallId, toolName, isOwnTool)];
    const call = this.#calls.get(toolCallId);
    if (call) call.state = 'announced';
    return [...start, { type: 'tool-input-available', toolCallId, toolName, input, ...DYNAMIC }];
  }

  /** A result may be known before its call, or without it. */
  #announcedOnce(toolCallId: string, toolName: string, input: unknown): UIChunk[] {
    const state = this.#calls.get(toolCallId)?.state ?? 'writing';
    return state === 'writing' ? this.#announced(toolCallId, toolName, input) : [];
  }

  #done(toolCallId: string): void {
    const call = this.#calls.get(toolCallId);
    if (call) call.state = 'done';
  }

  #ended(execution: Execution): UIChunk[] {
    const { id: toolCallId, status, stdout, stderr, returnCode, files, errorCode, errorMessage } = execution;
    const chunks = this.#announcedOnce(toolCallId, nameOf(execution), inputOf(execution));
    this.#done(toolCallId);
    if (status === 'errored') {
      const errorText = [errorCode, errorMessage].filter((text) => text !== null).join(': ');
      chunks.push({ type: 'tool-output-error', toolCallId, errorText, ...DYNAMIC });
    } else {
      const output = { status, stdout, stderr, returnCode, files, ...shownBy(execution) };
      chunks.push({ type: 'tool-output-available', toolCallId, output, ...DYNAMIC });
    }
    return chunks;
  }

  #ownTool({ id, name, input, inputComplete }: ToolUse): UIChunk[] {
    if (inputComplete) return this.#announced(id, name, input, true);
    const errorText = 'The input of this call was cut.';
    const begun = this.#begun(id, name, true);
    const cut = { type: 'tool-input-error', toolCallId: id, toolName: name, input, errorText };
    return [begun, ...this.#closedCall(id, cut)];
  }

  #serverTool({ id, name, call, result, resultIndex }: ServerToolUse): UIChunk[] {
    const input = (call as { readonly input?: unknown } | null)?.input ?? {};
    const toolName = name ?? 'server_tool';
    const chunks = this.#announcedOnce(id, toolName, input);
    if (resultIndex === null) return chunks;
    this.#done(id);
    const output = (result as { readonly content?: unknown } | null)?.content ?? null;
    return [...chunks, { type: 'tool-output-available', toolCallId: id, output, ...DYNAMIC }];
  }

  /** A file counts once it has a name, or when nothing more is known of it. */
  #file(artifact: Artifact): UIChunk[] {
    const { fileId, name, mimeType, sizeBytes, status, executionId } = artifact;
    const data = { fileId, executionId, name, mimeType, sizeBytes, status };
    const chunks: UIChunk[] = [{ type: 'data-artifact', id: fileId, data }];
    const isNew = status === 'described' && !this.#files.has(fileId);
    const url = isNew && attempt(() => this.#options.fileUrl?.(artifact), undefined);
    if (!url) return chunks;
    this.#files.add(fileId);
    this.#ofStep.push(fileId);
    return [...chunks, { type: 'file', url, mediaType: mimeType ?? 'application/octet-stream' }];
  }

  /** Calls of the caller's tools were answered on the server when the next response begins. */
  #answered(): UIChunk[] {
    return [...this.#calls].flatMap(([id, { isOwnTool, state }]) => {
      if (!isOwnTool || state === 'done') return [];
      return this.#closedCall(id, { type: 'tool-output-available', toolCallId: id, output: null });
    });
  }

  /** What is open at the end stays so only where the turn waits for it. */
  #unanswered(outcome: Outcome | null): UIChunk[] {
    return [...this.#calls].flatMap(([toolCallId, { toolName, isOwnTool, state }]) => {
      if (state === 'done' || (isOwnTool && outcome === 'awaiting-tools')) return [];
      return this.#closedCall(
        toolCallId,
        state === 'writing'
          ? { type: 'tool-input-error', toolCallId, toolName, input: {}, errorText: 'The input was cut.' }
          : { type: 'tool-output-error', toolCallId, errorText: 'No result came.' },
      );
    });
  }

  #closedCall(toolCallId: string, chunk: UIChunk): UIChunk[] {
    this.#done(toolCallId);
    return [{ ...chunk, ...DYNAMIC }];
  }

  #takenBack(): UIChunk[] {
    if (!this.#isInStep) return [];
    for (const id of this.#ofStep) {
      this.#calls.delete(id);
      this.#files.delete(id);
    }
    this.#isReset = true;
    return [{ type: 'reset-step' }];
  }
}

/** No tool of the browser's: what runs it is elsewhere, and its form is not known before. */
const DYNAMIC = { dynamic: true, providerExecuted: true } as const;

function nameOf({ name }: Execution): string {
  return name ?? 'code_execution';
}

function inputOf({ call, source }: Execution): unknown {
  return (call as { readonly input?: unknown } | null)?.input ?? { source };
}

/** What the text editor gave. */
function shownBy(execution: Execution): object {
  if (execution.kind === 'view') return { view: execution.view };
  return execution.kind === 'replace' ? { diff: execution.diff } : {};
}
