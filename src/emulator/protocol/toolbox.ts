import type { MessagesBody } from './request-body.ts';

/** The first version of the tool, which has neither bash nor the text editor. */
const PYTHON_ONLY = 'code_execution_20250522';
/** From this version on, variables persist and code may call tools. */
const FIRST_WITH_STATE = 20260120;
/** From this version on, web tools are called from code, and bring a container of their own. */
const FIRST_WEB_IN_CODE = 20260209;

/** What the tools of a request allow. */
export interface Toolbox {
  /** Some tool brings a container. */
  readonly runsCode: boolean;
  /** The code execution tool itself is there. */
  readonly declared: boolean;
  readonly pythonOnly: boolean;
  readonly keepsState: boolean;
  /** Names of the caller's tools that code may call. */
  readonly fromCode: readonly string[];
  /** Web tools that code may call, and whether what they found is kept out of the response. */
  readonly web: ReadonlyMap<string, { readonly excluded: boolean }>;
}

/**
 * Reads the tools of a request. Haiku 4.5 takes newer versions,
 * and behaves as with the one before them (documented).
 */
export function toolboxOf({ tools: given, model }: MessagesBody): Toolbox {
  const tools = given ?? [];
  const versions = tools.flatMap(({ type }) => (type?.startsWith('code_execution_') ? [type] : []));
  const web = new Map(
    tools.flatMap((tool) => {
      const [, name, version] = /^(web_search|web_fetch)_(\d+)$/.exec(tool.type ?? '') ?? [];
      if (!name || Number(version) < FIRST_WEB_IN_CODE || !isForCode(tool, true)) return [];
      return [[name, { excluded: tool['response_inclusion'] === 'excluded' }] as const];
    }),
  );
  const keepsState =
    !model.startsWith('claude-haiku-4-5') &&
    (web.size > 0 || versions.some((type) => Number(type.slice(-8)) >= FIRST_WITH_STATE));
  return {
    runsCode: versions.length > 0 || web.size > 0,
    declared: versions.length > 0,
    pythonOnly: versions.length > 0 && versions.every((type) => type === PYTHON_ONLY),
    keepsState,
    fromCode: keepsState ? tools.flatMap((tool) => (isForCode(tool, false) ? [tool.name ?? ''] : [])) : [],
    web,
  };
}

type Tool = NonNullable<MessagesBody['tools']>[number];

/** Whether a tool may be called from code. */
export function isForCode(tool: Tool, byDefault: boolean): boolean {
  const callers = tool['allowed_callers'];
  if (!Array.isArray(callers)) return byDefault;
  return callers.some((caller) => String(caller).startsWith('code_execution_'));
}
