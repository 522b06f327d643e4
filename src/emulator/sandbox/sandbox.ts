/** One command for a sandbox. */
export interface SandboxCommand {
  readonly language: 'python' | 'bash';
  readonly source: string;
  readonly env: Readonly<Record<string, string>>;
  /** Ends the command: nobody waits for it any more. */
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
}

/** Makes the sandbox of a new container, whose commands run so long at most. */
export type SandboxFactory = (timeoutMs: number) => Promise<Sandbox>;
