import { invalidRequest } from './http.ts';
import type { MessagesBody } from './request-body.ts';

/** Skills of a request at most (documented). */
const MOST = 20;
const ANTHROPIC_IDS = ['pptx', 'xlsx', 'docx', 'pdf'];
/** What `latest` was in the recordings, and an invented one for custom skills. */
const LATEST = { anthropic: '20251013', custom: 'skver_010000000000000000000000' };

/** A skill as responses list it, with its resolved version. */
export interface ResolvedSkill {
  readonly type: string;
  readonly skill_id: string;
  readonly version: string;
}

/** @throws {ApiFailure} 400 naming the skill. */
export function skillsOf({ container }: MessagesBody): readonly ResolvedSkill[] {
  const asked = typeof container === 'object' ? (container?.skills ?? []) : [];
  if (asked.length > MOST)
    throw invalidRequest(`container.skills: at most ${MOST} skills, got ${asked.length}`);
  return asked.map(({ type, skill_id: id, version }, index) => {
    const isKnown =
      type === 'anthropic' ? ANTHROPIC_IDS.includes(String(id)) : /^skill_\w+$/.test(String(id));
    if ((type !== 'anthropic' && type !== 'custom') || !isKnown) {
      throw invalidRequest(`container.skills.${index}: skill \`${id}\` of type \`${type}\` not found`);
    }
    const resolved = version == null || version === 'latest' ? LATEST[type] : String(version);
    return { type, skill_id: String(id), version: resolved };
  });
}
