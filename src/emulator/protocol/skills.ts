import { invalidRequest } from './http.ts';
import type { MessagesBody } from './request-body.ts';

/** Skills of a request at most (documented). */
const MOST = 20;
export const ANTHROPIC_IDS: readonly string[] = ['pptx', 'xlsx', 'docx', 'pdf'];
/** What `latest` was in the recordings. */
export const LATEST = '20251013';

/** A skill as responses list it, with its resolved version. */
export interface ResolvedSkill {
  readonly type: string;
  readonly skill_id: string;
  readonly version: string;
}

/**
 * The same request with the version of each skill that it asks for.
 *
 * @throws {ApiFailure} 400 naming the skill.
 */
export function withSkillsResolved(
  body: MessagesBody,
  stored: ReadonlyMap<string, { readonly versions: readonly { readonly id: string }[] }>,
): MessagesBody {
  const { container } = body;
  if (typeof container !== 'object' || !container?.skills?.length) return body;
  const { skills: asked } = container;
  if (asked.length > MOST)
    throw invalidRequest(`container.skills: at most ${MOST} skills, got ${asked.length}`);
  const skills = asked.map(({ type, skill_id: id, version }, index) => {
    const versions =
      type === 'anthropic'
        ? ANTHROPIC_IDS.includes(String(id)) && [LATEST]
        : type === 'custom' && stored.get(String(id))?.versions.map((one) => one.id);
    const at = `container.skills.${index}`;
    if (!versions) throw invalidRequest(`${at}: skill \`${id}\` of type \`${type}\` not found`);
    const resolved = version == null || version === 'latest' ? versions.at(-1) : String(version);
    // Which versions Anthropic's skills have had is not known.
    if (type === 'custom' && !versions.includes(resolved ?? ''))
      throw invalidRequest(`${at}: version \`${version}\` of skill \`${id}\` not found`);
    return { type, skill_id: String(id), version: resolved };
  });
  const twice = skills.findIndex(
    ({ skill_id: id }, at) => skills.findIndex((one) => one.skill_id === id) < at,
  );
  if (twice >= 0)
    throw invalidRequest(`container.skills.${twice}: duplicate skill \`${skills[twice]?.skill_id}\``);
  return { ...body, container: { ...container, skills } };
}

/** The skills of a request whose versions are resolved. */
export function skillsOf({ container }: MessagesBody): readonly ResolvedSkill[] {
  return (typeof container === 'object'
    ? (container?.skills ?? [])
    : []) as unknown as readonly ResolvedSkill[];
}
