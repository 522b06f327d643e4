import type { ContainerParams, SkillParams, ToolUnion } from '@anthropic-ai/sdk/resources/messages';
import { assertInput, InvalidInputError, typed } from '../errors.ts';
import { isRecord } from '../wire/blocks.ts';

/** Skills of a request at most (documented, since 20 Aug 2026). */
const MOST = 20;
const ANTHROPIC_IDS = ['pptx', 'xlsx', 'docx', 'pdf'] as const;

/** A skill of Anthropic's, by its short name. */
export type AnthropicSkillId = (typeof ANTHROPIC_IDS)[number];

/** A skill of Anthropic's, or one of your own: `skill_…`. */
export type SkillId = AnthropicSkillId | `skill_${string}`;

/** A skill in one version, such as `uploadSkill` of `code-execution-kit/node` gives. */
export interface SkillReference {
  readonly skillId: string;
  readonly version?: string;
}

/** Options of {@link skill}. */
export interface SkillOptions {
  /**
   * Such as `20251013` of Anthropic's, `skver_…` of your own, or `latest`. Default: of what `uploadSkill`
   * gave the uploaded one, and else none is sent, which the API reads as `latest`.
   */
  readonly version?: string;
}

/**
 * An entry of `container.skills`: instructions and programs that Claude finds in the sandbox under
 * `/skills/<name>/`. The list is part of what thinking is bound to: keep it and its order in a conversation.
 *
 * @throws {InvalidInputError} for what is no id or version.
 *
 * @example
 * ```ts
 * const messages = [userMessage('Make me a workbook of the first ten primes.')];
 * await runTurn(client, { ...params, messages, container: { skills: [skill('xlsx')] } });
 * ```
 */
export function skill(id: SkillId | SkillReference, options: SkillOptions = {}): SkillParams {
  return typed('skill', () => {
    const { skillId, version: own } = isRecord(id) ? (id as SkillReference) : { skillId: id as string };
    const isAnthropic = ANTHROPIC_IDS.includes(skillId as AnthropicSkillId);
    const isCustom = typeof skillId === 'string' && /^skill_\w+$/.test(skillId);
    const rule = `skill takes ${ANTHROPIC_IDS.join(', ')}, or the id of a skill of your own, such as skill_01…`;
    const cure =
      "For one of Anthropic's that is newer, put { type, skill_id } into container.skills yourself.";
    assertInput(isAnthropic || isCustom, rule, skillId, cure);
    assertInput(isRecord(options), 'The options of skill must be an object, such as { version }', options);
    const version = options.version ?? own;
    const isVersion = version === undefined || (typeof version === 'string' && version.trim() !== '');
    assertInput(isVersion, `The version of skill ${skillId} must be a text, such as "latest"`, version);
    const type = isAnthropic ? 'anthropic' : 'custom';
    return { type, skill_id: skillId, ...(version === undefined ? {} : { version }) };
  });
}

/** @throws {InvalidInputError} for a list of skills that the API refuses, naming the entry. */
export function assertSkills(
  container: string | ContainerParams | undefined,
  tools: readonly ToolUnion[],
): void {
  const skills: unknown = isRecord(container) ? container['skills'] : undefined;
  if (skills === undefined || skills === null) return;
  assertInput(Array.isArray(skills), 'container.skills must be a list, such as [skill("xlsx")]', skills);
  if (skills.length === 0) return;
  if (skills.length > MOST) {
    throw new InvalidInputError(`container.skills has ${skills.length} entries, and the API takes ${MOST}.`);
  }
  const seen = new Set<string>();
  for (const [index, one] of skills.entries()) {
    const { type, skill_id: id } = (isRecord(one) ? one : {}) as Partial<SkillParams>;
    // Types of tomorrow pass, as ids do.
    const isText = (value: unknown) => typeof value === 'string' && value !== '';
    const isEntry = isText(id) && isText(type);
    assertInput(isEntry, `container.skills[${index}] must be an entry such as skill("xlsx")`, one);
    if (seen.has(id as string))
      throw new InvalidInputError(`container.skills names ${id} twice. Name it once.`);
    seen.add(id as string);
  }
  // Newer web tools bring a container, too (wire.md 1.1).
  if (tools.some((tool) => /^(code_execution|web_(search|fetch))_\d+$/.test(tool.type ?? ''))) return;
  throw new InvalidInputError(
    'container.skills needs a code execution tool, and tools has none: leave addTool out, or add codeExecutionTool().',
  );
}
