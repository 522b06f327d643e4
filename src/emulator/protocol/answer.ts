/** A content block as the script made it. */
export type ScriptedBlock = { readonly type: string; readonly [key: string]: unknown };

/** How a response ended. */
export interface Ending {
  readonly stopReason: string;
  /** `container` as the API puts it at the end; `undefined` when none was used. */
  readonly container: object | undefined;
  /** To be called with the last event: what was played is not asked for again. */
  readonly delivered: () => void;
}

/** A response that is under way: its blocks come while the sandbox works. */
export interface Answer {
  readonly id: string;
  readonly model: string;
  readonly inputTokens: number;
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

export function usageAtStart({ inputTokens }: Answer) {
  return {
    input_tokens: inputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
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
