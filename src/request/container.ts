import type { ContainerParams, SkillParams } from '@anthropic-ai/sdk/resources/messages';
import { assertInput, InvalidInputError, typed } from '../errors.ts';
import { messagesIn, type Source } from '../turn/sources.ts';
import { isRecord } from '../wire/blocks.ts';
import { type ContainerData, readContainer, type SkillData } from '../wire/container.ts';

export type { ContainerData, SkillData };

/** What `container` of a turn's params may be: a handle, its data, or what the SDK takes. */
export type ContainerInput = Container | ContainerData | ContainerParams | string | null;

/**
 * A handle that lets a later turn continue in the same container, with its files and Python state.
 *
 * @example
 * ```ts
 * const container = new Container(JSON.parse(saved));
 * if (!container.isExpired()) await runTurn(client, { ...params, container });
 * ```
 */
export class Container implements ContainerData {
  readonly id: string;
  readonly expiresAt: string | null;
  readonly skills: readonly SkillData[];

  /** @throws {InvalidInputError} when the data has no id or an `expiresAt` that is no time. */
  constructor(data: ContainerData) {
    const { id, expiresAt, skills } = typed('new Container', () => checkedData(data));
    this.id = id;
    this.expiresAt = expiresAt;
    this.skills = skills;
  }

  /**
   * Whether the time that the API gave has passed. That time is a rolling hour after the last activity
   * and a hint: containers were seen to work after it and to be gone. `false` when the API gave none.
   *
   * @param now milliseconds since 1970 or a `Date`; default: the current time
   */
  isExpired(now: number | Date = Date.now()): boolean {
    return this.expiresAt !== null && Date.parse(this.expiresAt) <= Number(now);
  }

  /**
   * The value for the API's `container`: a string, or `{id, skills}` with skills. `{id}`
   * alone is refused with "container: Input should be a valid string" (recorded Apr 2026).
   */
  toParam(): string | ContainerParams {
    if (this.skills.length === 0) return this.id;
    const skills = this.skills.map(({ skillId, type, version }) => ({ type, skill_id: skillId, version }));
    return { id: this.id, skills: skills as SkillParams[] };
  }

  toJSON(): ContainerData {
    return { id: this.id, expiresAt: this.expiresAt, skills: this.skills };
  }
}

/** Anything that may name a container: a message, a turn, a turn's state. */
export interface ContainerSource {
  readonly container?: unknown;
}

/**
 * The container of a message, a turn or a state; of several, the last one
 * named. Absence in a later response does not mean that the container is gone. Lines of a batch's results
 * and JSON text are read, too; a list of content blocks names no container, and is refused.
 *
 * @throws {InvalidInputError} with the cure, for a promise, a stream, and whatever else names none.
 *
 * @example
 * ```ts
 * const container = containerOf(await client.messages.create(params));
 * ```
 */
export function containerOf(source: Source<ContainerSource>): Container | null {
  return typed('containerOf', () => {
    let found: Container | null = null;
    for (const { container } of messagesIn(source, 'containerOf', 'container')) {
      const data = isContainerData(container) ? container : readContainer(container);
      if (data) found = new Container(data);
    }
    return found;
  });
}

function checkedData(data: ContainerData): ContainerData {
  const isNamed = isRecord(data) && typeof data.id === 'string' && data.id !== '';
  const form = 'A Container is made from { id, expiresAt, skills }, as `container.toJSON()` gives it';
  assertInput(isNamed, form, data);
  const { id, expiresAt = null, skills = [] } = data;
  const isTime = typeof expiresAt === 'string' && !Number.isNaN(Date.parse(expiresAt));
  const timeRule = `expiresAt of container ${id} must be an ISO time or null`;
  assertInput(expiresAt === null || isTime, timeRule, expiresAt);
  const skillsRule = `skills of container ${id} must be a list of { skillId, type, version }`;
  assertInput(Array.isArray(skills) && skills.every(isSkill), skillsRule, skills);
  return { id, expiresAt, skills: skills.map(({ skillId, type, version }) => ({ skillId, type, version })) };
}

function isSkill(value: unknown): value is SkillData {
  return isRecord(value) && ['skillId', 'type', 'version'].every((key) => typeof value[key] === 'string');
}

/** The plain data of a handle, which has `expiresAt` where the API's own form does not. */
function isContainerData(value: unknown): value is ContainerData {
  return (
    value instanceof Container || (isRecord(value) && typeof value['id'] === 'string' && 'expiresAt' in value)
  );
}

/** Turns what the caller gave into what the API takes. */
export function toContainerParam(
  container: ContainerInput | undefined,
): string | ContainerParams | undefined {
  if (container === undefined || container === null) return undefined;
  if (container === '') {
    throw new InvalidInputError('container is an empty string. Leave it out for a fresh container.');
  }
  if (typeof container === 'string') return container;
  if (isContainerData(container)) return new Container(container).toParam();
  // As a response has it, which the API does not take back.
  const { expires_at: _, ...param } = container as ContainerParams & { readonly expires_at?: string };
  const { id, skills } = param;
  const rule = 'container must be a Container, its data, a container id or { skills }';
  assertInput(id || skills?.length, rule, container);
  return id && !skills?.length ? id : param;
}

/** The data of a container that the caller named by its handle, with the time when it expires. */
export function containerData(container: ContainerInput | undefined): ContainerData | null {
  if (isContainerData(container)) return new Container(container).toJSON();
  return isRecord(container) && 'expires_at' in container ? readContainer(container) : null;
}
