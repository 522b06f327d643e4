import type {
  CacheControlEphemeral,
  CodeExecutionTool20250522,
  CodeExecutionTool20250825,
  CodeExecutionTool20260120,
  CodeExecutionTool20260521,
  ToolUnion,
} from '@anthropic-ai/sdk/resources/messages';
import { assertInput, typed } from '../errors.ts';

/** Versions of the code execution tool, oldest first. */
const VERSIONS = [
  'code_execution_20250522',
  'code_execution_20250825',
  'code_execution_20260120',
  'code_execution_20260521',
] as const;

/** A version of the code execution tool. */
export type CodeExecutionVersion = (typeof VERSIONS)[number];

type CodeExecutionTools = {
  code_execution_20250522: CodeExecutionTool20250522;
  code_execution_20250825: CodeExecutionTool20250825;
  code_execution_20260120: CodeExecutionTool20260120;
  code_execution_20260521: CodeExecutionTool20260521;
};

/** Options of {@link codeExecutionTool}. */
export interface CodeExecutionToolOptions<V extends CodeExecutionVersion = CodeExecutionVersion> {
  /**
   * Default `code_execution_20260120`: bash, file editing and Python whose
   * state persists. `_20260521` is the same and names the 90 s limit per cell
   * to Claude; `_20250825` has no Python state; `_20250522` is Python only.
   */
  readonly version?: V;
  /** Who may call the tool: `direct` (Claude), or a version of this tool (its running code). */
  readonly allowedCallers?: NonNullable<CodeExecutionTool20260120['allowed_callers']>;
  /** A cache breakpoint on the tool definition. */
  readonly cacheControl?: CacheControlEphemeral;
}

/**
 * The tool definition that lets Claude run code. `runTurn` adds the default one when `tools` has none.
 *
 * @throws {InvalidInputError} for a version that does not exist.
 *
 * @example
 * ```ts
 * await runTurn(client, { ...params, tools: [codeExecutionTool({ version: 'code_execution_20260521' })] });
 * ```
 */
export function codeExecutionTool<V extends CodeExecutionVersion = 'code_execution_20260120'>(
  options: CodeExecutionToolOptions<V> = {},
): CodeExecutionTools[V] {
  return typed('codeExecutionTool', () => {
    const { version = 'code_execution_20260120', allowedCallers, cacheControl } = options;
    const rule = `The version of the code execution tool must be one of ${VERSIONS.join(', ')}`;
    const cure =
      'Put the definition of a newer one into `tools` yourself; its results are read all the same.';
    assertInput(VERSIONS.includes(version as CodeExecutionVersion), rule, version, cure);
    return {
      type: version,
      name: 'code_execution',
      ...(allowedCallers ? { allowed_callers: [...allowedCallers] } : {}),
      ...(cacheControl ? { cache_control: cacheControl } : {}),
    } as CodeExecutionTools[V];
  });
}

/** Whether a tool list lets Claude run code; versions of tomorrow count as well. */
export function hasCodeExecutionTool(tools: readonly ToolUnion[]): boolean {
  return tools.some((tool) => 'type' in tool && /^code_execution_\d+$/.test(tool.type ?? ''));
}
