import { invalidRequest } from '../protocol/http.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import type { ResolvedSkill } from '../protocol/skills.ts';
import type { Toolbox } from '../protocol/toolbox.ts';
import type { SandboxFactory } from '../sandbox/sandbox.ts';
import type { ScriptedResponse } from '../script/script-player.ts';
import type { Store, StoredContainer } from '../store/store.ts';
import { mountUploads, openContainer, uploadsOfCurrentTurn } from './container.ts';
import { needsMoreThanPython } from './play.ts';

/** What containers are made with. */
interface Containers {
  readonly store: Store;
  readonly createSandbox: SandboxFactory;
  readonly timeoutMs: number;
}

/** The container of a response, where one is asked for or needed. */
export async function containerFor(
  body: MessagesBody,
  needsSandbox: boolean,
  scripted: ScriptedResponse | undefined,
  toolbox: Toolbox,
  { store, createSandbox, timeoutMs }: Containers,
): Promise<StoredContainer | undefined> {
  const uploads = uploadsOfCurrentTurn(body).length > 0;
  if (!toolbox.runsCode && needsSandbox) {
    throw invalidRequest(
      'emulator: the script needs a code execution tool, and `tools` has none. Add codeExecutionTool().',
    );
  }
  if (toolbox.pythonOnly && scripted?.steps.some(needsMoreThanPython)) {
    throw invalidRequest(
      'emulator: the script runs bash or edits files, and code_execution_20250522 has Python only. Use a later version.',
    );
  }
  if (!needsSandbox && !uploads && body.container == null) return undefined;
  const container = await openContainer(body, store, () => createSandbox(timeoutMs));
  await mountUploads(container, body, store);
  return container;
}

/** `container` as the API describes it: with `skills` only where some were asked for. */
export function describe(
  container: StoredContainer | undefined,
  skills: readonly ResolvedSkill[],
): object | null {
  if (!container) return null;
  const { id, expiresAt } = container;
  return { id, expires_at: expiresAt.toISOString(), ...(skills.length > 0 ? { skills } : {}) };
}
