import { openCallsOf, toolResultsOf } from '../checks/history.ts';
import type { BatchItemScript } from '../emulator-options.ts';
import type { Answer, Ending, InputUsage, ScriptedBlock } from '../protocol/answer.ts';
import { invalidRequest } from '../protocol/http.ts';
import type { Life } from '../protocol/life.ts';
import type { Models } from '../protocol/models.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import { type ResolvedSkill, skillsOf } from '../protocol/skills.ts';
import { toolboxOf } from '../protocol/toolbox.ts';
import type { SandboxFactory } from '../sandbox/sandbox.ts';
import { lastResultOf } from '../script/dynamic-script.ts';
import { outlineOf } from '../script/outline.ts';
import type { BlockStep, ScriptedResponse, ScriptPlayer } from '../script/script-player.ts';
import type { Store } from '../store/store.ts';
import { rememberThread } from '../store/threads.ts';
import type { PrefixCheck, Thinking } from '../thinking/check-thinking.ts';
import type { Call, Stage } from './call.ts';
import { callOf, needsContainer, reopened } from './calls.ts';
import { CodeCall } from './code-call.ts';
import { containerFor, describe } from './container-for.ts';
import { Delivery } from './delivery.ts';
import { isCommand, play, runAll } from './play.ts';
import type { PromptCache } from './prompt-cache.ts';
import type { WebPages } from './web-pages.ts';

/** What a response left undone: calls without their results, and the steps after them. */
interface Unfinished {
  readonly calls: readonly Call[];
  /**
   * The scripted response in which code waits, and its steps
   * after that; otherwise the script goes on with its next one.
   */
  readonly scripted: ScriptedResponse | undefined;
  readonly steps: readonly BlockStep[];
  readonly container: string | undefined;
}

/** What responses are made with. */
export interface MessagesService {
  readonly store: Store;
  readonly models: Models;
  readonly prefixCheck: PrefixCheck;
  readonly cache: PromptCache;
  readonly script: ScriptPlayer;
  /** What responses left undone, by the id of their first open call. */
  readonly unfinished: Map<string, Unfinished>;
  readonly createSandbox: SandboxFactory;
  readonly web: WebPages;
  readonly timeoutMs: number;
  readonly eventDelayMs: number;
  readonly life: Life;
  readonly batchItem: BatchItemScript | undefined;
}

/** A request that was not refused. */
export interface CheckedRequest {
  readonly body: MessagesBody;
  readonly thinking: Thinking;
  /** Characters of it. */
  readonly size: number;
}

/**
 * The response to a request: first the results of the calls that
 * the last one left open, then the next steps of the script.
 *
 * @throws {ApiFailure} when the request is refused; no step is lost then.
 */
export async function respond(
  { body, thinking, size }: CheckedRequest,
  service: MessagesService,
  signal?: AbortSignal,
): Promise<Answer> {
  const { store, script, life } = service;
  const usage = () => service.cache.use(body, Math.ceil(size / 4));
  if (body.max_tokens === 0) return nothingSaid(body.model, usage(), thinking, store);
  const unfinished = unfinishedOf(body, service);
  const scripted = unfinished.scripted ?? script.next(body);
  if (!scripted && unfinished.calls.length === 0) throw ranOut(script);
  try {
    const toolbox = toolboxOf(body);
    const needsSandbox =
      unfinished.calls.some(needsContainer) ||
      (scripted?.steps.some(isCommand) ?? false) ||
      (scripted?.open !== undefined && isCommand(scripted.open));
    const container = await containerFor(body, needsSandbox, scripted, toolbox, service);
    const resumed = unfinished.calls.filter(
      (call) => call instanceof CodeCall && call.isWaiting,
    ) as CodeCall[];
    if (resumed.length > 0 && unfinished.container !== container?.id) {
      throw invalidRequest(`container: code waits for its tools in container \`${unfinished.container}\`.`);
    }
    for (const call of resumed) call.reply(toolResultsOf(body.messages), store.now());
    forget(unfinished, service);
    const id = store.ids.next('msg');
    const resumesCode = resumed.length > 0;
    const part = { unfinished, scripted, resumesCode, skills: skillsOf(body) };
    const delivery = new Delivery(life, signal, () => giveBack(part, service));
    const stage: Stage = {
      container,
      before: lastResultOf(body),
      store,
      toolbox,
      web: service.web,
      sign: thinking.sign,
      signal: delivery.signal,
      life,
    };
    return {
      id,
      model: body.model,
      input: usage(),
      transformations: thinking.dropped,
      resumesCode,
      blocks: answered({ body, id, part, delivery }, stage, service),
      abandon: delivery.abandon,
    };
  } catch (error) {
    if (scripted && !unfinished.scripted) script.rewind(scripted);
    throw error;
  }
}

interface Part {
  readonly unfinished: Unfinished;
  readonly scripted: ScriptedResponse | undefined;
  readonly resumesCode: boolean;
  /** Those that this request asked for. */
  readonly skills: readonly ResolvedSkill[];
}

interface Played extends Omit<Ending, 'delivered'> {
  /** All steps of the scripted response were played; otherwise code waits in the middle of them. */
  readonly whole: boolean;
}

interface Answered {
  readonly body: MessagesBody;
  readonly id: string;
  readonly part: Part;
  readonly delivery: Delivery;
}

/** All blocks of a response, which are remembered once they were delivered. */
async function* answered(
  { body, id, part, delivery }: Answered,
  stage: Stage,
  service: MessagesService,
): AsyncGenerator<ScriptedBlock, Ending> {
  const { store, script } = service;
  const content: ScriptedBlock[] = [];
  const blocks = blocksOf(part, stage, service);
  const remember = ({ stopReason, whole }: Played) => {
    const messages = [...body.messages, { role: 'assistant' as const, content }];
    if (part.scripted && whole) script.ended(part.scripted, messages);
    if (stopReason === 'pause_turn') store.paused.add(outlineOf(messages));
    rememberThread(body, { id, content }, store);
  };
  try {
    for (;;) {
      const { done, value } = await blocks.next().catch((error) => {
        // Else the response that was abandoned gave it back.
        if (!stage.signal.aborted) delivery.settle(() => {});
        throw error;
      });
      if (done) return { ...value, delivered: () => delivery.settle(() => remember(value)) };
      content.push(value);
      yield value;
    }
  } finally {
    await blocks.return({ stopReason: '', container: null, whole: false });
  }
}

/**
 * A response that did not arrive can be asked for again. Code that
 * waited starts again then: nothing is known of how far it came.
 */
function giveBack({ unfinished, scripted }: Part, service: MessagesService): void {
  if (scripted && !unfinished.scripted) service.script.rewind(scripted);
  keep({ ...unfinished, calls: unfinished.calls.map((call) => reopened(call.block) ?? call) }, service);
}

/** First what is open, then the steps; what is left undone is kept for the next response. */
async function* blocksOf(
  { unfinished, scripted, resumesCode, skills }: Part,
  stage: Stage,
  service: MessagesService,
): AsyncGenerator<ScriptedBlock, Played> {
  const { script } = service;
  const container = describe(stage.container, skills);
  const waits: Played = { stopReason: 'tool_use', container, whole: false };

  const opening = yield* runAll(unfinished.calls, stage);
  if (opening.calls.length > 0) {
    if (scripted && !unfinished.scripted) script.rewind(scripted);
    keep({ ...unfinished, calls: opening.calls, container: stage.container?.id }, service);
    return waits;
  }
  if (!scripted) return { stopReason: 'end_turn', container: resumesCode ? null : container, whole: true };

  const steps = unfinished.scripted ? unfinished.steps : scripted.steps;
  const { calls, rest } = yield* play(steps, stage);
  if (rest) {
    keep({ calls, scripted, steps: rest, container: stage.container?.id }, service);
    return waits;
  }
  const open = [...calls];
  if (scripted.open) {
    const call = callOf(scripted.open, stage);
    open.push(call);
    yield call.block;
  }
  keep({ ...NOTHING, calls: open, container: stage.container?.id }, service);
  // The response in which code comes to its end names no container (recorded Dec 2025).
  const hidden = resumesCode && !steps.some(isCommand);
  return { stopReason: scripted.stopReason, container: hidden ? null : container, whole: true };
}

const NOTHING: Unfinished = { calls: [], scripted: undefined, steps: [], container: undefined };

/** What the last response left open: as it is remembered, or as the history shows it. */
function unfinishedOf(body: MessagesBody, service: MessagesService): Unfinished {
  const [first, ...more] = openCallsOf(body.messages);
  if (!first) return NOTHING;
  const kept = service.unfinished.get(String(first['id']));
  if (kept) return kept;
  const calls = [first, ...more].flatMap((block) => reopened(block) ?? []);
  return { ...NOTHING, calls };
}

function keep(unfinished: Unfinished, service: MessagesService): void {
  const [first] = unfinished.calls;
  if (first) service.unfinished.set(String(first.block['id']), unfinished);
}

function forget({ calls: [first] }: Unfinished, service: MessagesService): void {
  if (first) service.unfinished.delete(String(first.block['id']));
}

/** `max_tokens: 0` only fills the prompt cache (SDK doc comment). */
function nothingSaid(model: string, input: InputUsage, { dropped }: Thinking, store: Store): Answer {
  return {
    id: store.ids.next('msg'),
    model,
    input,
    transformations: dropped,
    resumesCode: false,
    blocks: (async function* () {
      return { stopReason: 'max_tokens', container: null, delivered: () => {} };
    })(),
    abandon: () => {},
  };
}

function ranOut(script: ScriptPlayer): Error {
  return invalidRequest(
    `emulator: the script has run out. All of its ${script.length} steps were played by earlier requests, and ` +
      'this request asks for one more response. Add steps (after pause() or stop()), look for a request too many, or give a ' +
      'function as the script, which answers any number.',
  );
}
