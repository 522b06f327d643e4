/** A content block as the script made it. */
export type ScriptedBlock = { readonly type: string; readonly [key: string]: unknown };

/** How a response ended. */
export interface Ending {
  readonly stopReason: string;
  /** `container` as the API puts it at the end; `null` when none was used. */
  readonly container: object | null;
  /** To be called with the last event: what was played is not asked for again. */
  readonly delivered: () => void;
}

/** A response that is under way: its blocks come while the sandbox works. */
export interface Answer {
  readonly id: string;
  readonly model: string;
  readonly input: InputUsage;
  /** `input_transformations`, where the request asked for it. */
  readonly transformations: readonly object[] | undefined;
  /** It goes on inside code that waited for the caller's tools. */
  readonly resumesCode: boolean;
  readonly blocks: AsyncGenerator<ScriptedBlock, Ending>;
  /**
   * The client reads no further: ends the command that runs,
   * and takes back what was played, unless it was delivered.
   */
  readonly abandon: () => void;
}

/** Token counts of the emulator are a quarter of the characters. */
export function tokensOf(value: unknown): number {
  return Math.ceil(JSON.stringify(value).length / 4);
}

/** What a prompt cost: the counters of `usage`. */
export interface InputUsage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly cache_creation: {
    readonly ephemeral_5m_input_tokens: number;
    readonly ephemeral_1h_input_tokens: number;
  };
}

/** What stands around the content of a message. Nulls are sent since Sep and Oct 2026. */
export function envelopeOf({ id, model, transformations }: Answer) {
  return {
    head: { model, id, type: 'message', role: 'assistant' },
    tail: { ...(transformations ? { input_transformations: transformations } : {}), diagnostics: null },
  };
}

export function usageAtStart({ input }: Answer) {
  return {
    ...input,
    output_tokens: 1,
    service_tier: 'standard',
    inference_geo: 'global',
  };
}

/** Counters of the web tools; there is none for code (recorded). */
export function serverToolUsage(blocks: readonly ScriptedBlock[]) {
  const count = (name: string) => blocks.filter((block) => block['name'] === name).length;
  return {
    server_tool_use: { web_search_requests: count('web_search'), web_fetch_requests: count('web_fetch') },
  };
}

/**
 * Code that waits for tools again at once ends its response without
 * a word of the model: nothing is counted then (recorded Dec 2025).
 */
export function isOnlyCalls(blocks: readonly ScriptedBlock[], { resumesCode }: Answer): boolean {
  return resumesCode && blocks.every(({ type }) => type === 'tool_use');
}

export function usageOfCalls(blocks: readonly ScriptedBlock[]) {
  return { input_tokens: 0, output_tokens: 0, ...serverToolUsage(blocks) };
}
