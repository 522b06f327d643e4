/** A content block as the script made it. */
export type ScriptedBlock = { readonly type: string; readonly [key: string]: unknown };

/** A response that is under way: its blocks come while the sandbox works. */
export interface Answer {
  readonly id: string;
  readonly model: string;
  readonly stopReason: string;
  readonly inputTokens: number;
  /** `container` as the API puts it at the end; `undefined` when none was used. */
  readonly container: () => { id: string; expires_at: string } | undefined;
  readonly blocks: AsyncIterable<ScriptedBlock>;
  /** Ends the command that runs: nobody reads on. */
  readonly abort: () => void;
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

export function usageAtEnd() {
  return { server_tool_use: { web_search_requests: 0, web_fetch_requests: 0 } };
}
