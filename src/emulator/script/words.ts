/** What the last command before a step did; empty before the first. */
export interface LastResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly returnCode: number;
}

/** A text, or one made from what the last command printed. */
export type ScriptedText = string | ((last: LastResult) => string);

/** A step that a tool of the service carries out. */
export type CommandStep =
  | { readonly word: 'python'; readonly code: string }
  | { readonly word: 'bash'; readonly command: string }
  | { readonly word: 'view'; readonly path: string }
  | { readonly word: 'create'; readonly path: string; readonly text: string }
  | { readonly word: 'replace'; readonly path: string; readonly before: string; readonly after: string }
  | { readonly word: 'search'; readonly query: string; readonly results: readonly SearchResult[] }
  | {
      readonly word: 'fails';
      readonly errorCode: string;
      readonly message: string | null;
      readonly step: CommandStep;
    };

/** A call of one of the caller's own tools. */
export interface ToolStep {
  readonly word: 'callTool';
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** One step of what the emulated Claude does. Made with the words of this module. */
export type Step =
  | CommandStep
  | {
      readonly word: 'say';
      readonly text: ScriptedText;
      readonly citations?: readonly object[] | undefined;
    }
  | { readonly word: 'think'; readonly text: string }
  | ToolStep
  | { readonly word: 'inParallel'; readonly steps: readonly (CommandStep | ToolStep)[] }
  | { readonly word: 'pause'; readonly step?: CommandStep | undefined }
  | { readonly word: 'stop'; readonly reason: string };

/** What a script that is a function sees of a request. */
export interface Conversation {
  /** The messages as they were sent. */
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  /** The texts of the last user message, joined by line ends. */
  readonly text: string;
}

/** Steps that depend on the conversation: those of the next response, and of those after its `pause()`s. */
export type DynamicScript = (conversation: Conversation) => readonly Step[];

/** One hit of a web search. */
export interface SearchResult {
  readonly title: string;
  readonly url: string;
  /** How old the page is, such as `2 days ago`. Default `null`. */
  readonly pageAge?: string | undefined;
}

/**
 * Claude writes a text; given a function, one about what the last command printed.
 *
 * @param options `citations` of the text, in the API's form; default none
 *
 * @example
 * ```ts
 * [python('print(6 * 7)'), say(({ stdout }) => `It is ${stdout.trim()}.`)]
 * ```
 */
export const say = (
  text: ScriptedText,
  { citations }: { readonly citations?: readonly object[] | undefined } = {},
): Step => ({ word: 'say', text, citations });

/** Claude thinks, or notes its progress, in a signed `thinking` block. `''`: its text is left out. */
export const think = (text: string): Step => ({ word: 'think', text });

/**
 * Claude runs a Python cell, which is really executed. It may call the tools of the request that allow it:
 * the response ends with `tool_use` then, and the request that brings the results goes on inside the cell.
 *
 * @example
 * ```ts
 * [python('print(await getWeather({"city": "Oslo"}))'), say(({ stdout }) => stdout)]
 * ```
 */
export const python = (code: string): CommandStep => ({ word: 'python', code });

/** Claude runs a bash command, which is really executed. */
export const bash = (command: string): CommandStep => ({ word: 'bash', command });

/** Claude looks at a file with the text editor. */
export const view = (path: string): CommandStep => ({ word: 'view', path });

/** Claude writes a file with the text editor. Such files are not captured, as with the real one. */
export const create = (path: string, text: string): CommandStep => ({ word: 'create', path, text });

/** Claude replaces a text, which must stand in the file exactly once, with the text editor. */
export const replace = (path: string, before: string, after: string): CommandStep => ({
  word: 'replace',
  path,
  before,
  after,
});

/**
 * Claude makes a call, and the tool fails with this error
 * code, such as `unavailable`, without doing anything.
 *
 * @param message the `error_message`, which only the text editor has; default `null`
 *
 * @example
 * ```ts
 * [fails(bash('ls'), 'unavailable'), bash('ls'), say('It worked the second time.')]
 * ```
 */
export const fails = (step: CommandStep, errorCode: string, message: string | null = null): CommandStep => ({
  word: 'fails',
  errorCode,
  message,
  step,
});

/**
 * Claude makes several calls at once: first all calls are sent, then their
 * results in the same order. With a call of one of your own tools among them
 * the response ends there, and the results of the others open the next one.
 */
export const inParallel = (...steps: readonly (CommandStep | ToolStep)[]): Step => ({
  word: 'inParallel',
  steps,
});

/** Claude searches the web; what it finds is scripted. */
export const search = (query: string, results: readonly SearchResult[] = []): CommandStep => ({
  word: 'search',
  query,
  results,
});

/**
 * Claude calls one of the caller's own tools. The response ends with `tool_use` after the
 * last of neighbouring calls; the steps after it answer the request that brings the results.
 */
export const callTool = (name: string, input: Readonly<Record<string, unknown>> = {}): ToolStep => ({
  word: 'callTool',
  name,
  input,
});

/**
 * The response ends with `pause_turn`; the steps after it answer the continuation.
 *
 * @param step a command that is still open then: its call ends the response, its result opens the next one
 */
export const pause = (step?: CommandStep): Step => ({ word: 'pause', step });

/**
 * The response ends; the steps after it answer the next turn. The end of the script stops by itself.
 *
 * @param reason the `stop_reason`; default `end_turn`
 */
export const stop = (reason = 'end_turn'): Step => ({ word: 'stop', reason });

/** Claude refuses: the response ends with `refusal`. */
export const refuse = (): Step => stop('refusal');
