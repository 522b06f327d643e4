import { checkBlocks } from '../checks/check-blocks.ts';
import { checkFiles } from '../checks/check-files.ts';
import type { Terms } from '../checks/check-headers.ts';
import { checkHistory } from '../checks/check-history.ts';
import { checkTools } from '../checks/check-tools.ts';
import { checkVersion } from '../checks/check-version.ts';
import {
  type Answer,
  envelopeOf,
  isOnlyCalls,
  type ScriptedBlock,
  serverToolUsage,
  tokensOf,
  usageAtStart,
  usageOfCalls,
} from '../protocol/answer.ts';
import { json } from '../protocol/http.ts';
import type { ReceivedRequest } from '../protocol/received-request.ts';
import { parseMessagesBody, parseObject } from '../protocol/request-body.ts';
import { withSkillsResolved } from '../protocol/skills.ts';
import { checkMarks } from '../response/prompt-cache.ts';
import { type CheckedRequest, type MessagesService, respond } from '../response/respond.ts';
import { expandThread } from '../store/threads.ts';
import { checkThinking } from '../thinking/check-thinking.ts';
import { sseOf } from './message-stream.ts';

/** `POST /v1/messages`: plays the next response of the script. */
export async function handleMessages(
  { text, signal }: ReceivedRequest,
  terms: Terms,
  service: MessagesService,
): Promise<Response> {
  const params = expandThread(parseObject(text), service.store);
  const request = checked(params, text.length, terms, service);
  const answer = await respond(request, service, signal);
  if (request.body.stream) return sseOf(answer, service, signal);
  return json(await wholeMessage(answer), service.store.ids);
}

/** `POST /v1/messages/count_tokens`: a quarter of the characters. */
export function countTokens({ text }: ReceivedRequest, terms: Terms, service: MessagesService): Response {
  // It takes what a message takes, but for `max_tokens`.
  checked({ max_tokens: 1, ...parseObject(text) }, text.length, terms, service);
  return json({ input_tokens: Math.ceil(text.length / 4) }, service.store.ids);
}

/** The whole message that answers a request. */
export async function createMessage(
  params: Record<string, unknown>,
  terms: Terms,
  service: MessagesService,
): Promise<object> {
  const size = JSON.stringify(params).length;
  return wholeMessage(await respond(checked(params, size, terms, service), service));
}

function checked(
  params: Record<string, unknown>,
  size: number,
  terms: Terms,
  { store, models, prefixCheck }: MessagesService,
): CheckedRequest {
  const body = withSkillsResolved(parseMessagesBody(params), store.skills);
  models.check(body.model);
  checkVersion(body, terms.version);
  checkTools(body);
  checkBlocks(body);
  checkMarks(body);
  checkHistory(body, store);
  checkFiles(body, store);
  return { body, size, thinking: checkThinking(body, terms, prefixCheck) };
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
  const { head, tail } = envelopeOf(answer);
  return {
    ...head,
    content,
    container,
    stop_reason: stopReason,
    stop_sequence: null,
    stop_details: null,
    usage,
    ...tail,
  };
}
