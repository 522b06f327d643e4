import { invalidRequest, notFound } from './http.ts';
import { mimeTypeOf } from './mime-type.ts';
import type { MessagesBody } from './request-body.ts';
import type { Sandbox, SandboxResult } from './sandbox/sandbox.ts';
import type { Store, StoredContainer } from './store.ts';

/** `expires_at` is a rolling hour after the last activity (recorded). */
const LIFETIME_MS = 60 * 60 * 1000;

/** The container that a request asks for, or a fresh one. */
export async function openContainer(
  requested: MessagesBody['container'],
  store: Store,
  createSandbox: () => Promise<Sandbox>,
): Promise<StoredContainer> {
  const id = requestedId(requested);
  if (id === undefined) return createContainer(store, createSandbox);
  const container = store.containers.get(id);
  // The body of this answer was not recorded; its status was.
  if (!container) throw notFound(`Container \`${id}\` not found.`);
  touch(container, store);
  return container;
}

function requestedId(requested: MessagesBody['container']): string | undefined {
  if (typeof requested !== 'object' || requested === null) return requested ?? undefined;
  // Recorded April 2026.
  if (!requested.skills?.length) throw invalidRequest('container: Input should be a valid string');
  return requested.id ?? undefined;
}

async function createContainer(
  store: Store,
  createSandbox: () => Promise<Sandbox>,
): Promise<StoredContainer> {
  const container: StoredContainer = {
    id: store.ids.next('container'),
    sandbox: await createSandbox(),
    inputDirectory: `/files/input/${store.ids.hex()}`,
    mounted: new Set(),
    expiresAt: store.now(),
  };
  touch(container, store);
  await container.sandbox.makeDirectory(container.inputDirectory);
  store.containers.set(container.id, container);
  return container;
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
    const file = store.files.get(id);
    if (!file) throw notFound(`File \`${id}\` not found.`);
    if (container.mounted.has(id)) continue;
    container.mounted.add(id);
    await container.sandbox.writeFile(`${container.inputDirectory}/${file.filename}`, file.bytes);
  }
}

/** Ids of the files that the newest opening user message uploads; answers to tool calls do not open a turn. */
export function uploadsOfCurrentTurn({ messages }: MessagesBody): string[] {
  const start = messages.findLastIndex(({ role, content }) => {
    return role === 'user' && !(Array.isArray(content) && content.some(({ type }) => type === 'tool_result'));
  });
  const blocks = messages
    .slice(Math.max(start, 0))
    .flatMap(({ content }) => (Array.isArray(content) ? content : []));
  return blocks.flatMap(({ type, file_id }) => (type === 'container_upload' ? [String(file_id)] : []));
}

/** What a command did, with the ids of the files it left. */
export interface CommandOutcome extends SandboxResult {
  readonly fileIds: readonly string[];
}

/** Runs one command with a fresh `$OUTPUT_DIR` and captures the files directly in it. */
export async function runCommand(
  container: StoredContainer,
  command: { readonly language: 'python' | 'bash'; readonly source: string },
  store: Store,
  signal: AbortSignal,
): Promise<CommandOutcome> {
  const { sandbox, inputDirectory } = container;
  const outputDirectory = `/files/output/${store.ids.hex()}`;
  await sandbox.makeDirectory(outputDirectory);
  const env = { INPUT_DIR: inputDirectory, OUTPUT_DIR: outputDirectory };
  const result = await sandbox.run({ ...command, env, signal });
  const fileIds: string[] = [];
  for (const filename of await sandbox.listFiles(outputDirectory)) {
    const bytes = await sandbox.readFile(`${outputDirectory}/${filename}`);
    fileIds.push(store.addFile({ filename, mimeType: mimeTypeOf(filename), bytes, downloadable: true }).id);
  }
  return { ...result, fileIds };
}
