/** A call that Python code made with `await tool({...})`. */
export interface ToolCall {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/**
 * A call as the driver sends it: its input is a text, since numbers that JSON reads alike differ in Python.
 */
export interface SentCall {
  readonly name: string;
  readonly text: string;
}

export const callOf = ({ name, text }: SentCall): ToolCall => ({ name, input: JSON.parse(text) });

/** What such a call comes back with: a text, or an exception with that message. */
export interface ToolReply {
  readonly kind: 'text' | 'error' | 'timeout';
  readonly text: string;
}

/** Tools that the code may call by their names. */
export interface SandboxTools {
  readonly names: readonly string[];
  /**
   * Takes the calls that wait at the same time, and brings
   * one reply for each. May take longer than an HTTP request.
   */
  readonly call: (calls: readonly ToolCall[]) => Promise<readonly ToolReply[]>;
}

/** One command for a sandbox. */
export interface SandboxCommand {
  /** Unlike that of any other command of this sandbox. */
  readonly id: string;
  readonly language: 'python' | 'bash';
  readonly source: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether Python sees the variables of earlier cells, and leaves its own to later ones. */
  readonly keepsState: boolean;
  readonly tools: SandboxTools;
  /** Ends the command: its result is not waited for any more. */
  readonly signal: AbortSignal;
}

/** What a command did. */
export interface SandboxResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly returnCode: number;
}

/** Where the emulator runs code: one instance per container, with a file system of its own. */
export interface Sandbox {
  run(command: SandboxCommand): Promise<SandboxResult>;
  makeDirectory(path: string): Promise<void>;
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  readFile(path: string): Promise<Uint8Array>;
  /** Names of the regular files directly in a folder, sorted. */
  listFiles(path: string): Promise<string[]>;
  /** Ends what runs and frees what is held. */
  close?(): Promise<void>;
}

/** Makes the sandbox of a new container, whose commands run so long at most. */
export type SandboxFactory = (timeoutMs: number) => Promise<Sandbox>;

/** Where a Python cell lies, as recorded: tracebacks name this file. */
export const cellPath = (id: string) => `/tmp/${id}/cell.py`;

/**
 * Documented for a cell that runs too long: a normal result with
 * a status text of this name. Its wording was not recorded.
 */
export const timeoutText = (timeoutMs: number) =>
  `detection_timeout: the command ran longer than ${timeoutMs} ms and was ended`;
