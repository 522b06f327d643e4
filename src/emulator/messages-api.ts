import type { ContentBlock, Message } from '@anthropic-ai/sdk/resources/messages';
import { EmulatorError } from '../errors.ts';
import { type Answer, tokensOf, usageAtEnd, usageAtStart } from './answer.ts';
import {
  type CommandOutcome,
  mountUploads,
  openContainer,
  runCommand,
  uploadsOfCurrentTurn,
} from './container.ts';
import { invalidRequest, json } from './http.ts';
import { sseOf } from './message-stream.ts';
import { type MessagesBody, parseMessagesBody } from './request-body.ts';
import type { SandboxFactory } from './sandbox/sandbox.ts';
import type { LastResult, ScriptedResponse, ScriptPlayer } from './script.ts';
import type { Store, StoredContainer } from './store.ts';

/** The first version of the tool, which has neither bash nor the text editor. */
const PYTHON_ONLY = 'code_execution_20250522';

/** What the Messages endpoint works with. */
export interface MessagesService {
  readonly store: Store;
  readonly script: ScriptPlayer;
  readonly createSandbox: SandboxFactory;
  readonly timeoutMs: number;
  readonly eventDelayMs: number;
  /** Aborts when the emulator is reset or disposed of. */
  readonly signal: () => AbortSignal;
}

/** `POST /v1/messages`: plays the next response of the script. */
export async function handleMessages(request: Request, service: MessagesService): Promise<Response> {
  const text = await request.text();
  const body = parseMessagesBody(text);
  if (body['thread'] !== undefined) {
    throw invalidRequest(
      'emulator: message threads are not supported yet. Pass `thread: false` to the tool runner.',
    );
  }
  const scripted = service.script.next();
  if (!scripted) {
    throw invalidRequest(
      `emulator: the script has run out. All of its ${service.script.length} steps were played by earlier requests, and ` +
        'this request asks for one more response. Add steps (behind pause() or stop()), or look for a request too many.',
    );
  }
  const answer = await beginAnswer(body, text.length, scripted, service, request.signal).catch((error) => {
    service.script.rewind(scripted);
    throw error;
  });
  if (body.stream) return sseOf(answer, service);
  return json(await wholeMessage(answer), service.store.ids);
}

async function beginAnswer(
  body: MessagesBody,
  size: number,
  scripted: ScriptedResponse,
  service: MessagesService,
  signal: AbortSignal,
): Promise<Answer> {
  const { store } = service;
  const versions = (body.tools ?? []).flatMap(({ type }) =>
    type?.startsWith('code_execution_') ? [type] : [],
  );
  const mayRunCode = versions.length > 0;
  const runsCode = scripted.steps.some(({ word }) => word === 'python' || word === 'bash');
  const uploads = uploadsOfCurrentTurn(body).length > 0;
  if (!mayRunCode && (runsCode || uploads)) {
    throw invalidRequest(
      'emulator: the script or a container_upload needs a code execution tool, and `tools` has none. Add codeExecutionTool().',
    );
  }
  if (
    mayRunCode &&
    versions.every((type) => type === PYTHON_ONLY) &&
    scripted.steps.some(({ word }) => word === 'bash')
  ) {
    throw invalidRequest(
      `emulator: the script runs bash, and ${PYTHON_ONLY} has Python only. Use a later version.`,
    );
  }
  const reading = new AbortController();
  const needsContainer = runsCode || uploads || body.container != null;
  const container = needsContainer ? await openAndMount(body, service) : undefined;
  return {
    id: store.ids.next('msg'),
    model: body.model,
    stopReason: scripted.stopReason,
    inputTokens: Math.ceil(size / 4),
    container: () => container && { id: container.id, expires_at: container.expiresAt.toISOString() },
    blocks: play(scripted, container, store, AbortSignal.any([signal, reading.signal, service.signal()])),
    abort: () => reading.abort(),
  };
}

async function openAndMount(
  body: MessagesBody,
  { store, createSandbox, timeoutMs }: MessagesService,
): Promise<StoredContainer> {
  const container = await openContainer(body.container, store, () => createSandbox(timeoutMs)).catch(
    (error) => {
      throw error instanceof EmulatorError ? invalidRequest(`emulator: ${error.message}`) : error;
    },
  );
  await mountUploads(container, body, store);
  return container;
}

async function* play(
  { steps }: ScriptedResponse,
  container: StoredContainer | undefined,
  store: Store,
  signal: AbortSignal,
): AsyncGenerator<ContentBlock> {
  let last: LastResult = { stdout: '', stderr: '', returnCode: 0 };
  for (const step of steps) {
    if (step.word === 'say') {
      const text = typeof step.text === 'function' ? textOf(step.text, last) : step.text;
      yield { type: 'text', text } as ContentBlock;
      continue;
    }
    const id = store.ids.next('srvtoolu');
    const isPython = step.word === 'python';
    const name = isPython ? 'code_execution' : 'bash_code_execution';
    const input = isPython ? { code: step.code } : { command: step.command };
    yield { type: 'server_tool_use', id, name, input, caller: { type: 'direct' } };
    const source = isPython ? step.code : step.command;
    // A container was opened for every script that runs code.
    const outcome = await runCommand(
      container as StoredContainer,
      { language: step.word, source },
      store,
      signal,
    );
    last = outcome;
    yield resultBlock(name, id, outcome) as ContentBlock;
  }
}

/** A fault in a script is its author's: it must not look like one of the network. */
function textOf(say: (last: LastResult) => string, last: LastResult): string {
  try {
    return String(say(last));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EmulatorError(`emulator: the function given to say() threw: ${reason}`, {
      code: 'script_failed',
      cause: error,
    });
  }
}

function resultBlock(name: string, id: string, { stdout, stderr, returnCode, fileIds }: CommandOutcome) {
  return {
    type: `${name}_tool_result`,
    tool_use_id: id,
    content: {
      type: `${name}_result`,
      stdout,
      stderr,
      return_code: returnCode,
      content: fileIds.map((fileId) => ({ type: `${name}_output`, file_id: fileId })),
      // Sent for Python cells only, and null in every recording.
      ...(name === 'code_execution' ? { abort_reason: null } : {}),
    },
  };
}

async function wholeMessage(answer: Answer): Promise<Message> {
  const content: ContentBlock[] = [];
  for await (const block of answer.blocks) content.push(block);
  const container = answer.container();
  const message = {
    model: answer.model,
    id: answer.id,
    type: 'message',
    role: 'assistant',
    content,
    ...(container ? { container } : {}),
    stop_reason: answer.stopReason,
    stop_sequence: null,
    stop_details: null,
    usage: { ...usageAtStart(answer), output_tokens: tokensOf(content), ...usageAtEnd() },
  };
  return message as unknown as Message;
}
