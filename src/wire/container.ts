import type { ContainerParams } from '@anthropic-ai/sdk/resources/messages';
import { asText, isRecord } from './blocks.ts';

/** A skill that is loaded in a container. */
export interface SkillData {
  readonly skillId: string;
  /** `'anthropic'` for built-in ones, `'custom'` for uploaded ones. */
  readonly type: string;
  /** The resolved version, such as `20251013`. */
  readonly version: string;
}

/** The plain data of a container: what `Container` is built from and what states and events carry. */
export interface ContainerData {
  /** `container_…` */
  readonly id: string;
  /** ISO time; a rolling hour after the last activity. `null` when the API never said. */
  readonly expiresAt: string | null;
  readonly skills: readonly SkillData[];
}

/**
 * Reads the `container` of a message or of a `message_delta`. The key is absent when no container
 * was used, and `skills` is absent unless skills were asked for, whatever the types say.
 */
export function readContainer(value: unknown): ContainerData | null {
  if (!isRecord(value) || typeof value['id'] !== 'string' || value['id'] === '') return null;
  const expiresAt = value['expires_at'];
  return {
    id: value['id'],
    expiresAt: typeof expiresAt === 'string' && !Number.isNaN(Date.parse(expiresAt)) ? expiresAt : null,
    skills: readSkills(value['skills']),
  };
}

/** Each skill once, whatever a gateway left out or gave twice: the list can be sent again. */
function readSkills(value: unknown): SkillData[] {
  const skills = new Map<string, SkillData>();
  for (const skill of Array.isArray(value) ? value.filter(isRecord) : []) {
    const skillId = asText(skill['skill_id']);
    if (skillId === '') continue;
    const type = asText(skill['type']) || (skillId.startsWith('skill_') ? 'custom' : 'anthropic');
    skills.set(skillId, { skillId, type, version: asText(skill['version']) || 'latest' });
  }
  return [...skills.values()];
}

/** The id that a container param asks for, if it names one. */
export function requestedContainerId(container: unknown): string | null {
  if (typeof container === 'string') return container;
  return isRecord(container) && typeof container['id'] === 'string' ? container['id'] : null;
}

/**
 * The container of the next request: the one that a response named, if it did, with the
 * caller's own list of skills. The resolved list of the response would break the prompt cache.
 */
export function carriedContainer(
  asked: string | ContainerParams | null | undefined,
  id: string | undefined,
): string | ContainerParams | undefined {
  if (id === undefined) return asked ?? undefined;
  const skills = isRecord(asked) ? (asked as ContainerParams).skills : undefined;
  return skills?.length ? { id, skills } : id;
}
