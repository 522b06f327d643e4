import { checkFiles } from '../checks/check-files.ts';
import type { ApiVersion } from '../checks/check-headers.ts';
import { checkHistory } from '../checks/check-history.ts';
import { checkTools } from '../checks/check-tools.ts';
import { checkVersion } from '../checks/check-version.ts';
import {
  type Answer,
  isOnlyCalls,
  type ScriptedBlock,
  serverToolUsage,
  tokensOf,
  usageAtStart,
  usageOfCalls,
} from '../protocol/answer.ts';
import { json } from '../protocol/http.ts';
import type { ReceivedRequest } from '../protocol/received-request.ts';
import { type MessagesBody, parseMessagesBody, parseObject } from '../protocol/request-body.ts';
import { type MessagesService, respond } from '../response/respond.ts';
import type { Store } from '../store/store.ts';
import { expandThread } from '../store/threads.ts';
import { sseOf } from './message-stream.ts';

/** `POST /v1/messages`: plays the next response of the script. */
export async function handleMessages(
  { text, signal }: ReceivedRequest,
  version: ApiVersion,
  service: MessagesService,
): Promise<Response> {
  const body = checked(expandThread(parseObject(text), service.store), version, service.store);
  const answer = await respond(body, text.length, service, signal);
  return body.stream ? sseOf(answer, service, signal) : json(await wholeMessage(answer), service.store.ids);
}

/** `POST /v1/messages/count_tokens`: a quarter of the characters. */
export function countTokens({ text }: ReceivedRequest, version: ApiVersion, store: Store): Response {
  // It takes what a message takes, but for `max_tokens`.
  checked({ max_tokens: 1, ...parseObject(text) }, version, store);
  return json({ input_tokens: Math.ceil(text.length / 4) }, store.ids);
}

/** The whole message that answers a request. */
export async function createMessage(
  params: Record<string, unknown>,
  version: ApiVersion,
  service: MessagesService,
): Promise<object> {
  const size = JSON.stringify(params).length;
  return wholeMessage(await respond(checked(params, version, service.store), size, service));
}

function checked(params: Record<string, unknown>, version: ApiVersion, store: Store): MessagesBody {
  const body = parseMessagesBody(params);
  checkVersion(body, version);
  checkTools(body);
  checkHistory(body, store);
  checkFiles(body, store);
  return body;
}

async function wholeMessage(answer: Answer): Promise<object> {
  const content: ScriptedBlock[] = [];
  let next = await answer.blocks.next();
  for (; !next.done; next = await answer.blocks.next()) content.push(next.value);
  const { stopReason, container, delivered } = next.value;
  delivered();
  const usage = isOnlyCalls(content, answer)
    ? usageOfCalls(content)
    : { ...usageAtStart(answer), output_tokens: tokensOf(content), ...serverToolUsage(content) };
  return {
    model: answer.model,
    id: answer.id,
    type: 'message',
    role: 'assistant',
    content,
    ...(container ? { container } : {}),
    stop_reason: stopReason,
    stop_sequence: null,
    stop_details: null,
    usage,
  };
}
