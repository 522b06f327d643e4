import { invalidRequest, json, notFound } from '../protocol/http.ts';
import type { ReceivedRequest } from '../protocol/received-request.ts';
import { uploadedSkill } from '../protocol/skill-upload.ts';
import { ANTHROPIC_IDS, LATEST } from '../protocol/skills.ts';
import type { Store, StoredSkill, StoredSkillVersion } from '../store/store.ts';
import { limitOf } from './pages.ts';

/** The Skills endpoints. `path` is what follows `/v1/skills`. */
export async function handleSkills(
  request: ReceivedRequest,
  path: string,
  store: Store,
): Promise<Response | undefined> {
  const [, id, versions, versionId, ...rest] = path.split('/');
  if (rest.length > 0 || (versions !== undefined && versions !== 'versions')) return undefined;
  const { method } = request;
  const query = request.url.searchParams;
  if (!id) {
    if (method === 'POST') return json(skillBody(await create(request, store)), store.ids);
    if (method !== 'GET') return undefined;
    const source = query.get('source');
    const all = [...[...store.skills.values()].toReversed().map(skillBody), ...anthropicSkills()];
    return json(
      pageOf(
        all.filter((one) => !source || one.source.type === source),
        query,
      ),
      store.ids,
    );
  }
  const skill = store.skills.get(id);
  if (!skill && versions === undefined && method === 'GET') {
    const known = anthropicSkills().find((one) => one.id === id);
    if (known) return json(known, store.ids);
  }
  if (!skill) throw notFound(`Skill \`${id}\` not found.`);
  if (versions === undefined) {
    if (method === 'GET') return json(skillBody(skill), store.ids);
    if (method !== 'DELETE') return undefined;
    store.skills.delete(id);
    return json({ id, type: 'skill_deleted' }, store.ids);
  }
  if (!versionId) {
    if (method === 'POST')
      return json(versionBody(await addVersion(request, skill, store), skill), store.ids);
    if (method !== 'GET') return undefined;
    return json(
      pageOf(
        skill.versions.toReversed().map((one) => versionBody(one, skill)),
        query,
      ),
      store.ids,
    );
  }
  const version = skill.versions.find((one) => one.id === versionId);
  if (!version) throw notFound(`Version \`${versionId}\` of skill \`${id}\` not found.`);
  if (method === 'GET') return json(versionBody(version, skill), store.ids);
  if (method !== 'DELETE') return undefined;
  // A skill holds at least one version (documented); the wording is a guess.
  if (skill.versions.length === 1) throw invalidRequest('The only version of a skill cannot be deleted');
  skill.versions.splice(skill.versions.indexOf(version), 1);
  return json({ id: versionId, type: 'skill_version_deleted' }, store.ids);
}

async function create(request: ReceivedRequest, store: Store): Promise<StoredSkill> {
  const form = await formOf(request);
  const { name, ...content } = await uploadedSkill(form);
  const label = form.get('display_name');
  const [id, versionId, createdAt] = [store.ids.next('skill'), store.ids.next('skver'), store.now()];
  const versions = [{ ...content, id: versionId, createdAt }];
  const skill = { id, name, displayName: typeof label === 'string' ? label : name, versions };
  store.skills.set(id, skill);
  return skill;
}

async function addVersion(
  request: ReceivedRequest,
  skill: StoredSkill,
  store: Store,
): Promise<StoredSkillVersion> {
  const { name, ...content } = await uploadedSkill(await formOf(request));
  // The name is set with the first upload (documented); the wording is a guess.
  if (name !== skill.name)
    throw invalidRequest(`files: the name of this skill is \`${skill.name}\`, got \`${name}\``);
  const version = { ...content, id: store.ids.next('skver'), createdAt: store.now() };
  skill.versions.push(version);
  return version;
}

function formOf(request: ReceivedRequest): Promise<FormData> {
  return request.formData().catch(() => {
    throw invalidRequest('The request body is not valid multipart/form-data');
  });
}

function pageOf<T extends { readonly id: string }>(all: readonly T[], query: URLSearchParams) {
  const after = query.get('page')?.replace(/^page_/, '');
  const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) throw invalidRequest('page: not a cursor of this list');
  const data = all.slice(start, start + limitOf(query));
  const hasMore = start + data.length < all.length;
  return { data, has_more: hasMore, next_page: hasMore ? `page_${data.at(-1)?.id}` : null };
}

function skillBody({ id, displayName, versions }: StoredSkill) {
  return {
    id,
    type: 'skill',
    display_name: displayName,
    latest_version_id: versions.at(-1)?.id,
    source: { type: 'custom' },
    created_at: versions[0]?.createdAt.toISOString(),
    updated_at: versions.at(-1)?.createdAt.toISOString(),
  };
}

function anthropicSkills() {
  const [time, source] = ['2025-10-13T00:00:00Z', { type: 'anthropic' }];
  return ANTHROPIC_IDS.map((id) => ({
    id,
    type: 'skill',
    display_name: id,
    latest_version_id: LATEST,
    source,
    created_at: time,
    updated_at: time,
  }));
}

function versionBody({ id, description, createdAt }: StoredSkillVersion, skill: StoredSkill) {
  return {
    id,
    type: 'skill_version',
    skill_id: skill.id,
    name: skill.name,
    description,
    created_at: createdAt.toISOString(),
  };
}
