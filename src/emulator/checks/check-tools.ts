import { invalidRequest } from '../protocol/http.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import { isForCode, toolboxOf } from '../protocol/toolbox.ts';

/** The versions of the code execution tool. */
const VERSIONS = ['20250522', '20250825', '20260120', '20260521'].map((date) => `code_execution_${date}`);
/**
 * Models that refuse a forced tool (documented for Opus
 * 5.5, Sonnet 5.5 and Fable 5.1; assumed for later ones).
 */
const UNFORCED = /^claude-(?:opus-5-5|sonnet-5-5|haiku-5-5|fable-5-[12]|mythos-5-[12])/;

/**
 * Rules for `tools` and what needs them.
 *
 * @throws {ApiFailure} 400.
 */
export function checkTools(body: MessagesBody): void {
  const tools = body.tools ?? [];
  for (const [index, { type, name }] of tools.entries()) {
    if (!type?.startsWith('code_execution')) continue;
    if (!VERSIONS.includes(type)) throw invalidRequest(`tools.${index}.type: unknown tool type \`${type}\``);
    if (name !== 'code_execution')
      throw invalidRequest(`tools.${index}.name: Input should be 'code_execution'`);
  }
  const names = tools.flatMap(({ name }) => name ?? []);
  // Recorded.
  if (new Set(names).size < names.length) throw invalidRequest('tools: Tool names must be unique.');
  checkUploads(body);
  checkCodeTools(body);
  checkToolChoice(body);
  const { thinking, model } = body;
  if (isRecord(thinking) && thinking['type'] === 'disabled' && model.startsWith('claude-sonnet-5-5')) {
    throw invalidRequest(`thinking: \`disabled\` is not supported by ${model}`);
  }
}

/** Uploads and skills need a container, and so a tool that brings one. */
function checkUploads(body: MessagesBody): void {
  if (toolboxOf(body).runsCode) return;
  const { messages, container } = body;
  const index = messages.findIndex(
    ({ content }) => Array.isArray(content) && content.some(({ type }) => type === 'container_upload'),
  );
  if (index >= 0) {
    throw invalidRequest(
      `messages.${index}: \`container_upload\` blocks need a code execution tool, and \`tools\` has none`,
    );
  }
  if (typeof container === 'object' && container?.skills?.length) {
    throw invalidRequest('container.skills: skills need a code execution tool, and `tools` has none');
  }
}

/** Tools that code may call (documented). */
function checkCodeTools({ tools, tool_choice: choice }: MessagesBody): void {
  for (const [index, tool] of (tools ?? []).entries()) {
    if (
      tool.type?.startsWith('code_execution') ||
      !Array.isArray(tool['allowed_callers']) ||
      !isForCode(tool, false)
    ) {
      continue;
    }
    const at = `tools.${index}`;
    if (tool['strict'] === true)
      throw invalidRequest(`${at}.strict: not supported for tools that are called from code`);
    if (hasCircle(tool['input_schema'], tool['input_schema'], [])) {
      throw invalidRequest(`${at}.input_schema: Circular $ref detected`);
    }
    if (isRecord(choice) && choice['disable_parallel_tool_use'] === true) {
      throw invalidRequest(
        'tool_choice.disable_parallel_tool_use: not supported with tools that are called from code',
      );
    }
  }
}

function checkToolChoice({ tools, tool_choice: choice, model }: MessagesBody): void {
  if (!isRecord(choice)) return;
  const { type, name } = choice;
  if ((type === 'any' || type === 'tool') && UNFORCED.test(model)) {
    throw invalidRequest(`tool_choice: \`${type}\` is not supported by ${model}`);
  }
  if (type !== 'tool') return;
  const tool = (tools ?? []).find((one) => one.name === name);
  if (!tool) throw invalidRequest(`tool_choice.name: Tool '${name}' not found in provided tools`);
  const callers = tool['allowed_callers'];
  if (Array.isArray(callers) && !callers.includes('direct')) {
    throw invalidRequest(`tool_choice.name: Tool '${name}' does not allow direct calls`);
  }
}

/** Whether following `$ref`s comes back to where it was. */
function hasCircle(
  schema: unknown,
  root: unknown,
  path: readonly string[],
  done = new Set<string>(),
): boolean {
  if (Array.isArray(schema)) return schema.some((one) => hasCircle(one, root, path, done));
  if (!isRecord(schema)) return false;
  const ref = schema['$ref'];
  if (typeof ref === 'string') {
    if (path.includes(ref)) return true;
    if (done.has(ref)) return false;
    const target = ref
      .replace(/^#\/?/, '')
      .split('/')
      .filter(Boolean)
      .reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), root);
    if (hasCircle(target, root, [...path, ref], done)) return true;
    done.add(ref);
  }
  return Object.entries(schema).some(([key, value]) => key !== '$ref' && hasCircle(value, root, path, done));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
