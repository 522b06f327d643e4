import { EmulatorError } from '../errors.ts';
import { type Answer, type ScriptedBlock, tokensOf, usageAtEnd, usageAtStart } from './answer.ts';
import { mountUploads, openContainer, uploadsOfCurrentTurn } from './container.ts';
import { conversationOf } from './dynamic-script.ts';
import { invalidRequest, json } from './http.ts';
import { sseOf } from './message-stream.ts';
import { isCommand, needsMoreThanPython, play } from './play.ts';
import { type MessagesBody, parseMessagesBody, parseObject } from './request-body.ts';
import type { SandboxFactory } from './sandbox/sandbox.ts';
import type { ScriptedResponse, ScriptPlayer } from './script.ts';
import type { Store, StoredContainer } from './store.ts';
import { expandThread, rememberThread } from './threads.ts';

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
  const body = parseMessagesBody(expandThread(parseObject(text), service.store));
  const answer = await nextAnswer(body, text.length, service, request.signal);
  return body.stream ? sseOf(answer, service) : json(await wholeMessage(answer), service.store.ids);
}

/** `POST /v1/messages/count_tokens`: a quarter of the characters. */
export async function countTokens(request: Request, store: Store): Promise<Response> {
  const text = await request.text();
  // It takes what a message takes, but for `max_tokens`.
  parseMessagesBody({ max_tokens: 1, ...parseObject(text) });
  return json({ input_tokens: Math.ceil(text.length / 4) }, store.ids);
}

/** The whole message that answers a request. */
export async function createMessage(
  body: Record<string, unknown>,
  service: MessagesService,
  signal: AbortSignal,
): Promise<object> {
  const size = JSON.stringify(body).length;
  return wholeMessage(await nextAnswer(parseMessagesBody(body), size, service, signal));
}

async function nextAnswer(
  body: MessagesBody,
  size: number,
  service: MessagesService,
  signal: AbortSignal,
): Promise<Answer> {
  const { script } = service;
  const scripted = script.next(() => conversationOf(body));
  if (!scripted) {
    throw invalidRequest(
      `emulator: the script has run out. All of its ${script.length} steps were played by earlier requests, and ` +
        'this request asks for one more response. Add steps (behind pause() or stop()), or look for a request too many.',
    );
  }
  try {
    return await beginAnswer(body, size, scripted, service, signal);
  } catch (error) {
    script.rewind(scripted);
    throw error;
  }
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
  const runsCode = scripted.steps.some(isCommand);
  const uploads = uploadsOfCurrentTurn(body).length > 0;
  if (!mayRunCode && (runsCode || uploads)) {
    throw invalidRequest(
      'emulator: the script or a container_upload needs a code execution tool, and `tools` has none. Add codeExecutionTool().',
    );
  }
  if (
    mayRunCode &&
    versions.every((type) => type === PYTHON_ONLY) &&
    scripted.steps.some(needsMoreThanPython)
  ) {
    throw invalidRequest(
      `emulator: the script runs bash or edits files, and ${PYTHON_ONLY} has Python only. Use a later version.`,
    );
  }
  const reading = new AbortController();
  const needsContainer = runsCode || uploads || body.container != null;
  const container = needsContainer ? await openAndMount(body, service) : undefined;
  const id = store.ids.next('msg');
  const blocks = play(scripted.steps, {
    container,
    store,
    signal: AbortSignal.any([signal, reading.signal, service.signal()]),
  });
  return {
    id,
    model: body.model,
    stopReason: scripted.stopReason,
    inputTokens: Math.ceil(size / 4),
    container: () => container && { id: container.id, expires_at: container.expiresAt.toISOString() },
    blocks: remembered(blocks, (content) => rememberThread(body, { id, content }, store)),
    abort: () => reading.abort(),
  };
}

/** The same blocks, and all of them together once they came. */
async function* remembered(
  blocks: AsyncIterable<ScriptedBlock>,
  onEnd: (content: readonly ScriptedBlock[]) => void,
): AsyncGenerator<ScriptedBlock> {
  const content: ScriptedBlock[] = [];
  for await (const block of blocks) {
    content.push(block);
    yield block;
  }
  onEnd(content);
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

async function wholeMessage(answer: Answer): Promise<object> {
  const content: ScriptedBlock[] = [];
  for await (const block of answer.blocks) content.push(block);
  const container = answer.container();
  return {
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
}
