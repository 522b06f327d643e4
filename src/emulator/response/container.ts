import { usableFile } from '../checks/check-files.ts';
import { EmulatorError } from '../protocol/emulator-error.ts';
import { ApiFailure, invalidRequest, notFound } from '../protocol/http.ts';
import { mimeTypeOf } from '../protocol/mime-type.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import { type ResolvedSkill, skillsOf } from '../protocol/skills.ts';
import type { Sandbox, SandboxCommand, SandboxResult, SandboxTools } from '../sandbox/sandbox.ts';
import type { Store, StoredContainer } from '../store/store.ts';
import { withModuleHint } from './module-hint.ts';

/** `expires_at` is a rolling hour after the last activity (recorded). */
const LIFETIME_MS = 60 * 60 * 1000;
/** Characters that a command may print. That there is a limit is documented, its size is a guess. */
const MAX_OUTPUT = 10_000_000;

/** The container that a request asks for, or a fresh one. */
export async function openContainer(
  body: MessagesBody,
  store: Store,
  createSandbox: () => Promise<Sandbox>,
): Promise<StoredContainer> {
  const id = requestedId(body.container);
  const skills = skillsOf(body);
  const container =
    id === undefined ? await createContainer(store, createSandbox) : existing(id, body, store);
  await mountSkills(container, skills, store);
  touch(container, store);
  return container;
}

function requestedId(requested: MessagesBody['container']): string | undefined {
  if (typeof requested !== 'object' || requested === null) return requested ?? undefined;
  // Recorded April 2026.
  if (!requested.skills?.length) throw invalidRequest('container: Input should be a valid string');
  return requested.id ?? undefined;
}

function existing(id: string, body: MessagesBody, store: Store): StoredContainer {
  const container = store.containers.get(id);
  // The body of this answer was not recorded; its status was.
  if (!container) throw notFound(`Container \`${id}\` not found.`);
  if (container.expiresAt >= store.now()) return container;
  // As users report it, which says nothing about the reason.
  // Without uploads nothing was seen; the wording is a guess.
  if (uploadsOfCurrentTurn(body).length > 0) throw new ApiFailure(500, 'api_error', 'Internal server error');
  throw invalidRequest(`container: Container \`${id}\` has expired.`);
}

async function createContainer(
  store: Store,
  createSandbox: () => Promise<Sandbox>,
): Promise<StoredContainer> {
  const { generation } = store;
  const sandbox = await createSandbox();
  if (store.generation !== generation) {
    await sandbox.close?.();
    throw new EmulatorError('the emulator was reset or disposed of', { code: 'sandbox_failed' });
  }
  const container: StoredContainer = {
    id: store.ids.next('container'),
    sandbox,
    inputDirectory: `/files/input/${store.ids.hex()}`,
    expiresAt: store.now(),
    mounted: new Set(),
  };
  await container.sandbox.makeDirectory(container.inputDirectory);
  store.containers.set(container.id, container);
  return container;
}

/** Skills lie where the real ones do, by name; each version is put there once. */
async function mountSkills(
  { sandbox, mounted }: StoredContainer,
  skills: readonly ResolvedSkill[],
  store: Store,
): Promise<void> {
  for (const { skill_id: id, version } of skills) {
    if (mounted.has(`${id} ${version}`)) continue;
    mounted.add(`${id} ${version}`);
    const own = store.skills.get(id);
    const files = own?.versions.find((one) => one.id === version)?.files ?? store.anthropicSkill(id);
    for (const [path, bytes] of files) {
      const target = `/skills/${own?.name ?? id}/${path}`;
      await sandbox.makeDirectory(target.slice(0, target.lastIndexOf('/')));
      await sandbox.writeFile(target, bytes);
    }
  }
}

function touch(container: StoredContainer, store: Store): void {
  container.expiresAt = new Date(store.now().getTime() + LIFETIME_MS);
}

/**
 * Puts the uploads of the current turn into the container. Blocks of earlier, finished turns have no effect
 * (recorded Aug 2026).
 */
export async function mountUploads(
  container: StoredContainer,
  body: MessagesBody,
  store: Store,
): Promise<void> {
  for (const id of uploadsOfCurrentTurn(body)) {
    const file = usableFile(id, store);
    await container.sandbox.writeFile(`${container.inputDirectory}/${nameOnDisk(file.filename)}`, file.bytes);
  }
}

/** File systems take 255 bytes, and the API takes 255 characters. The ending stays. */
function nameOnDisk(filename: string): string {
  const ending = /\.[^.]{1,20}$/.exec(filename)?.[0] ?? '';
  const stem = [...filename.slice(0, filename.length - ending.length)];
  while (new TextEncoder().encode(stem.join('') + ending).length > 255) stem.pop();
  return stem.join('') + ending;
}

/** Ids of the files that are uploaded in the current turn: after the last response that was no part of it. */
export function uploadsOfCurrentTurn(body: MessagesBody): string[] {
  // Messages of the system end no turn.
  const messages = body.messages.filter(({ role }) => role !== 'system');
  const isReply = (index: number) => {
    const content = messages[index]?.content;
    return Array.isArray(content) && content.some(({ type }) => type === 'tool_result');
  };
  const end = messages.findLastIndex(
    ({ role }, index) => role === 'assistant' && messages[index + 1]?.role === 'user' && !isReply(index + 1),
  );
  const blocks = messages.slice(end + 1).flatMap(({ content }) => (Array.isArray(content) ? content : []));
  return blocks.flatMap(({ type, file_id }) => (type === 'container_upload' ? [String(file_id)] : []));
}

/** What a command did, with the ids of the files it left. */
export interface CommandOutcome extends SandboxResult {
  readonly fileIds: readonly string[];
  /** It printed more than the tool takes. */
  readonly tooLarge: boolean;
}

const NO_TOOLS: SandboxTools = { names: [], call: async () => [] };

/** Runs one command with a fresh `$OUTPUT_DIR` and captures the files directly in it. */
export async function runCommand(
  container: StoredContainer,
  command: Pick<SandboxCommand, 'id' | 'language' | 'source'> & Partial<SandboxCommand>,
  { store, signal }: { readonly store: Store; readonly signal: AbortSignal },
): Promise<CommandOutcome> {
  const { sandbox, inputDirectory } = container;
  const outputDirectory = `/files/output/${store.ids.hex()}`;
  await sandbox.makeDirectory(outputDirectory);
  const env = { INPUT_DIR: inputDirectory, OUTPUT_DIR: outputDirectory };
  const result = await sandbox.run({ keepsState: false, tools: NO_TOOLS, ...command, env, signal });
  const fileIds: string[] = [];
  for (const filename of await sandbox.listFiles(outputDirectory)) {
    // A file that cannot be read is not captured; the result of the command comes all the same.
    const bytes = await sandbox.readFile(`${outputDirectory}/${filename}`).catch(() => undefined);
    if (!bytes) continue;
    const file = {
      filename,
      mimeType: mimeTypeOf(filename),
      bytes,
      downloadable: true,
    };
    fileIds.push(store.addFile(file).id);
  }
  const stderr = withModuleHint(result.stderr);
  const last = { ...result, stderr };
  container.last = last;
  return { ...last, fileIds, tooLarge: result.stdout.length + stderr.length > MAX_OUTPUT };
}
