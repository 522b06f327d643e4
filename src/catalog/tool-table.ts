import type { CodeExecutionVersion } from '../request/tools.ts';
import { frozen } from './foreign.ts';

/** What is known of a model and the code execution tool. */
export interface ModelFacts {
  /** The id without a date. */
  readonly model: string;
  /** The version to use. */
  readonly version: CodeExecutionVersion;
  /** The versions that the documentation lists for the model; none where no list that was read names it. */
  readonly documented: readonly CodeExecutionVersion[];
  /** ISO date on which the model ends at the API. */
  readonly endsOn?: string;
  /** ISO date when the source was read. */
  readonly asOf: string;
  readonly source: string;
}

const TOOL_PAGE = 'https://platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool';
const ENDS = 'https://platform.claude.com/docs/en/about-claude/model-deprecations';
const SDK = 'https://www.npmjs.com/package/@anthropic-ai/sdk';

/** The version with bash, files, Python state, and calls of other tools from code. */
export const NEWEST_USED = 'code_execution_20260120';
/** The version without Python state, and without calls from code. */
export const WITHOUT_STATE = 'code_execution_20250825';

const CURRENT: readonly CodeExecutionVersion[] = [WITHOUT_STATE, NEWEST_USED, 'code_execution_20260521'];

const listed = (model: string, more: Partial<ModelFacts> = {}): ModelFacts => ({
  model,
  version: NEWEST_USED,
  documented: CURRENT,
  asOf: '2026-09-23',
  source: TOOL_PAGE,
  ...more,
});

/** Models of the SDK's types that are in no list of the tool's documentation that could be read. */
const unlisted = (model: string): ModelFacts =>
  listed(model, { documented: [], asOf: '2026-11-26', source: SDK });

const ended = (model: string, endsOn: string, asOf: string): ModelFacts =>
  listed(model, { version: WITHOUT_STATE, documented: [WITHOUT_STATE], endsOn, asOf, source: ENDS });

/** The models, newest first. Earlier ones than these are not known here. */
export const MODELS: readonly ModelFacts[] = /* @__PURE__ */ frozen([
  unlisted('claude-fable-5-2'),
  unlisted('claude-mythos-5-2'),
  unlisted('claude-haiku-5-5'),
  unlisted('claude-sonnet-5-5'),
  listed('claude-opus-5-5'),
  listed('claude-fable-5-1'),
  listed('claude-mythos-5-1'),
  listed('claude-opus-5'),
  listed('claude-sonnet-5'),
  listed('claude-fable-5'),
  listed('claude-mythos-5'),
  listed('claude-opus-4-8'),
  listed('claude-opus-4-7'),
  listed('claude-opus-4-6'),
  listed('claude-sonnet-4-6'),
  // Takes the newer versions, too, and behaves as this one with them.
  listed('claude-haiku-4-5', { version: WITHOUT_STATE }),
  listed('claude-opus-4-5', { endsOn: '2027-01-22', asOf: '2026-11-24', source: ENDS }),
  listed('claude-sonnet-4-5', { endsOn: '2026-11-30', asOf: '2026-11-20', source: SDK }),
  ended('claude-opus-4-1', '2026-08-05', '2026-09-23'),
  ended('claude-opus-4', '2026-06-15', '2026-06-17'),
  ended('claude-sonnet-4', '2026-06-15', '2026-06-17'),
]);
