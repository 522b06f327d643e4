import type { ToolUseBlock } from '@anthropic-ai/sdk/resources/messages';
import { attempt, reasonOf } from '../errors.ts';
import type { TurnTracing } from '../observe/tracing.ts';
import { answerCalls } from '../request/answer-calls.ts';
import { beginsTurn, inertUploads } from '../request/uploads.ts';
import { isContainerLost, type KnownContainer, verdictOf } from '../sdk/failures.ts';
import { retrier } from '../sdk/retry.ts';
import { checkpointAt } from '../turn/checkpoint.ts';
import type { UnnumberedEvent } from '../turn/events.ts';
import { withoutEmpty } from '../turn/history.ts';
import type { TurnLimits } from '../turn/limits.ts';
import { containerLostNotice, inertUploadsNotice, responseRepeatedNotice } from '../turn/notices.ts';
import { outcomeOf, type TurnState } from '../turn/state.ts';
import { TurnTranslator } from '../turn/translate.ts';
import type { Checkpoint, Turn } from '../turn/turn.ts';
import { type Message, toolUsesIn } from '../wire/blocks.ts';
import { requestedContainerId } from '../wire/container.ts';
import { type OwnSignal, ownSignal, untilAborted } from '../wire/signals.ts';
import { TurnBreak } from '../wire/turn-break.ts';
import { endTurn, unfinishedTurn } from './end-turn.ts';
import { TurnLimitError } from './errors.ts';
import { errorOf, type FailedTurn, failTurn } from './failure.ts';
import type { Run } from './plan.ts';
import { type Answer, sendMessage } from './send.ts';
import {
  type Asks,
  afterBreak,
  afterResponse,
  afterTools,
  type Moment,
  movedTo,
  pastLimit,
  reachedLimit,
  restarted,
  type Standing,
  spending,
} from './standing.ts';

/** Where a turn begins or goes on. */
export interface Start {
  readonly standing: Standing;
  /** The container that the caller named, with its expiry. */
  readonly named: KnownContainer | null;
  /** What was sent after the standing is sent again. */
  readonly isRerun: boolean;
  /** What is to be said before anything is sent. */
  readonly events: readonly UnnumberedEvent[];
}

/**
 * The loop of a turn: send, read, and go on while the API pauses or calls tools
 * that have a handler. Yields after each batch of events, so that the reader
 * sets the pace, and returns the turn. Limits are checked between responses.
 *
 * @throws {TurnLimitError} at a limit of the options.
 * @throws {ContainerLostError} when the container of a request is gone.
 * @throws {TurnInterruptedError} when the exchange breaks after something was received, and on abort.
 * @throws the SDK's error when the first request fails.
 *
 * Whatever it throws, a `turn-error` event came before.
 */
export function runLoop(run: Run, start: Start): AsyncGenerator<void, Turn> {
  const { tracing } = run.options;
  // What was aborted before it began has no span.
  return tracing && !run.signal.aborted ? traced(run, start, tracing) : new TurnLoop(run, start).run();
}

async function* traced(run: Run, start: Start, tracing: TurnTracing): AsyncGenerator<void, Turn> {
  // Loaded when it is needed: most turns have no tracer.
  const { turnSpan } = await import('../observe/turn-span.ts');
  const { params, state: before } = start.standing;
  const conversationId = run.options.request.openTelemetry?.conversationId;
  const observer = turnSpan(tracing, { params, conversationId, before, readState: run.readState });
  const emit: Run['emit'] = (event) => {
    run.emit(event);
    observer.see(event);
  };
  try {
    return yield* new TurnLoop({ ...run, emit, observer }, start).run();
  } finally {
    observer.end();
  }
}

class TurnLoop {
  readonly #run: Run;
  readonly #start: Start;
  readonly #budget: { bytesLeft: number; readonly maxBytes: number };
  #standing: Standing;
  #translator: TurnTranslator;
  /** Something was sent or run since the standing: a checkpoint of now may run it again. */
  #isPending = false;
  /** Nothing of this turn ran yet, so a fresh container loses nothing. */
  #mayRestart: boolean;
  #readAt: number;

  constructor(run: Run, start: Start) {
    const { params, responses, state } = start.standing;
    const { maxTurnBytes, onLostContainer, now } = run.options;
    const last = params.messages.at(-1);
    this.#run = run;
    this.#start = start;
    this.#standing = start.standing;
    this.#budget = { bytesLeft: maxTurnBytes, maxBytes: maxTurnBytes };
    this.#translator = this.#newTranslator(state);
    this.#mayRestart =
      onLostContainer === 'restart' && responses.length === 0 && last !== undefined && beginsTurn(last);
    this.#readAt = now().getTime();
  }

  async *run(): AsyncGenerator<void, Turn> {
    const { handlers, limits, emit } = this.#run;
    try {
      for (const event of this.#start.events) emit(event);
      if (this.#isOver()) return await this.#end();
      if (this.#start.isRerun) await this.#countRerun();
      this.#warnOfInertUploads();
      if (this.#standing.phase === 'awaiting-tools') yield* this.#answerTools();
      for (;;) {
        const response = yield* this.#exchangeOrRepeat();
        if (outcomeOf(response) === 'paused') {
          emit({ type: 'pause', responseIndex: this.#standing.responses.length });
        }
        this.#moveTo(afterResponse(this.#standing, response, this.#moment()));
        const asks = asksOf(response, handlers);
        if (!asks) return await this.#end();
        if (await this.#stopsBefore(asks)) return await this.#end('paused');
        await this.#save();
        yield;
        if (asks === 'tools') yield* this.#answerTools();
        // Handlers and the saving of checkpoints take their time, too.
        this.#standing = movedTo(this.#standing, this.#moment());
        this.#assertUnder(reachedLimit(this.#standing, limits));
      }
    } catch (error) {
      const failed = failTurn(error, {
        ...this.#run,
        translator: this.#translator,
        lastState: this.#standing.state,
        responses: this.#standing.responses,
      });
      if (failed.code === 'turn_limit') throw this.#limitError(failed);
      const broken = () => afterBreak(this.#standing, this.#moment());
      const standing = this.#isPending ? attempt(broken, this.#standing) : this.#standing;
      throw errorOf(failed, () => this.#checkpoint(standing, this.#isPending));
    }
  }

  /** The checkpoint's turn had already ended; only `turn-end` is missing. */
  #isOver(): boolean {
    const { phase, params, responses } = this.#standing;
    if (phase === 'awaiting-tools' || params.messages.at(-1)?.role !== 'assistant') return false;
    return responses.length > 0 && outcomeOf(responses.at(-1)) !== 'paused';
  }

  /** Stored before anything is sent, so that a kill counts, too. */
  async #countRerun(): Promise<void> {
    const limit = reachedLimit(this.#standing, this.#run.limits, 'rerun');
    if (limit) {
      const message =
        `The same response was begun ${this.#standing.spent.reruns + 1} times and did not end in the time that it ` +
        'had. Run it where it has more time, such as a queue or a batch. resumeTurn(client, error.checkpoint, ' +
        '{ rerun: true }) counts maxReruns from zero again.';
      throw new TurnBreak('turn_limit', message, { subject: limit });
    }
    this.#standing = spending(this.#standing, 'rerun');
    await this.#save();
  }

  #warnOfInertUploads(): void {
    const { params, responses } = this.#standing;
    const notice = inertUploadsNotice(responses.length === 0 ? inertUploads(params) : []);
    if (notice) this.#run.emit({ type: 'notice', notice });
  }

  async #stopsBefore(asks: Asks): Promise<boolean> {
    const { limits, options } = this.#run;
    const limit = reachedLimit(this.#standing, limits, asks);
    this.#standing = spending(this.#standing, asks);
    this.#assertUnder(limit);
    return (await this.#callback('stopWhen', () => options.stopWhen?.(this.#standing.state))) === true;
  }

  /** @throws {TurnBreak} which becomes a `TurnLimitError`. */
  #assertUnder(limit: keyof TurnLimits | undefined): void {
    if (!limit) return;
    const message =
      `The turn reached ${limit} (${this.#run.limits[limit]}) and is not finished: go on with ` +
      `resumeTurn(client, error.checkpoint), which counts ${limit} from zero again, or raise it.`;
    throw new TurnBreak('turn_limit', message, { subject: limit });
  }

  #limitError({ message, subject, state }: FailedTurn): TurnLimitError {
    const limit = subject as keyof TurnLimits;
    const standing = { ...this.#standing, spent: pastLimit(this.#standing.spent, limit), state };
    const checkpoint = this.#checkpoint(standing, limit === 'maxReruns');
    return new TurnLimitError(message, { limit, turn: unfinishedTurn(standing, checkpoint), checkpoint });
  }

  #end(outcome?: 'paused'): Promise<Turn> {
    if (!outcome && this.#standing.phase === 'awaiting-tools') {
      this.#standing = spending(this.#standing, 'tools');
    }
    const toCheckpoint = (state: TurnState) => this.#checkpoint({ ...this.#standing, state }, false);
    return endTurn(this.#run, this.#standing, toCheckpoint, outcome);
  }

  /**
   * Awaited before the turn goes on. A stored checkpoint cannot tell
   * whether its request was already sent: it says that it may have been.
   */
  async #save(): Promise<void> {
    const { onCheckpoint } = this.#run.options;
    if (!onCheckpoint) return;
    await this.#callback('onCheckpoint', () => onCheckpoint(this.#checkpoint(this.#standing, true)));
  }

  /**
   * What a function of the caller's gives. Its failure ends
   * the turn between two responses, where nothing is lost.
   */
  async #callback<T>(name: 'onCheckpoint' | 'stopWhen', call: () => T | PromiseLike<T>): Promise<T> {
    const { signal, observer } = this.#run;
    try {
      return await untilAborted(
        observer.inside(async () => call()),
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      const code = name === 'onCheckpoint' ? 'checkpoint_failed' : 'stop_when_failed';
      throw new TurnBreak(code, `${name} failed: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** Runs the handlers of all waiting calls, and puts their results into one user message. */
  async *#answerTools(): AsyncGenerator<void, void> {
    const { handlers, options, signal, observer } = this.#run;
    const calls = toolUsesIn(this.#standing.responses.at(-1)?.content ?? []) as unknown as ToolUseBlock[];
    signal.throwIfAborted();
    this.#isPending = true;
    const { toolUses } = this.#standing.state;
    const incomplete = new Set(toolUses.flatMap(({ id, inputComplete }) => (inputComplete ? [] : [id])));
    const around = observer.handler;
    const round = { handlers, incomplete, timeoutMs: options.toolTimeoutMs, signal, around };
    const results = await answerCalls(calls, round);
    this.#moveTo(afterTools(this.#standing, results, this.#moment()));
    await this.#save();
    yield;
  }

  /**
   * A response that broke off is asked for again only as often as the caller says: its code may run twice.
   */
  async *#exchangeOrRepeat(): AsyncGenerator<void, Message> {
    const { signal, options } = this.#run;
    const mayRetry = (error: unknown) => {
      const { mayHaveRun, passes } = verdictOf(error);
      return passes && mayHaveRun && !hasReason(this.#translator);
    };
    const again = retrier({ retries: options.interruptedRetries, mayRetry, signal });
    for (;;) {
      try {
        return yield* this.#exchange();
      } catch (error) {
        await again(error);
        this.#repeat(error);
        yield;
      }
    }
  }

  /** Takes the events of the broken response back; what came of it stays in a notice. */
  #repeat(error: unknown): void {
    const { emit, readState } = this.#run;
    const responseIndex = this.#standing.responses.length;
    const notice = responseRepeatedNotice(reasonOf(error), responseIndex, this.#translator.message);
    emit({ type: 'response-repeat', responseIndex });
    emit({ type: 'notice', notice });
    this.#standing = movedTo(this.#standing, this.#moment());
    this.#translator = this.#newTranslator(readState());
  }

  /**
   * One request and its response, under a signal of its own. The
   * message is given once `message_stop` proved that it is whole.
   */
  async *#exchange(): AsyncGenerator<void, Message> {
    const { signal, options } = this.#run;
    signal.throwIfAborted();
    const own = ownSignal(signal);
    try {
      const answer = await this.#send(own);
      this.#mayRestart = false;
      const limits = { ...options, signal: own.signal, budget: this.#budget };
      for await (const _ of answer.read(limits, (event) => this.#translator.push(event))) {
        yield;
        // Whatever has arrived already: after an abort, also by leaving the loop, nothing more is sent.
        signal.throwIfAborted();
        if (this.#translator.stopped) break;
      }
      return this.#translator.complete(answer.requestId);
    } finally {
      own.release();
    }
  }

  /**
   * Sends the request, once more in a fresh container where
   * the one that it names is gone and nothing is lost with it.
   */
  async #send(own: OwnSignal): Promise<Answer> {
    const { client, options, observer } = this.#run;
    const { params, responses } = this.#standing;
    const requestedContainer = requestedContainerId(params.container);
    const onPost = () => {
      this.#isPending = true;
      const startedAt = this.#time();
      this.#translator.beginResponse({ responseIndex: responses.length, requestedContainer, startedAt });
    };
    const onFailure = (error: unknown) => {
      this.#isPending = verdictOf(error).mayHaveRun;
    };
    try {
      const sent = { ...params, messages: withoutEmpty(params.messages) };
      return await sendMessage(client, sent, { ...options, own, observer, onPost, onFailure });
    } catch (error) {
      const lost = requestedContainer === null ? undefined : this.#knownContainer(requestedContainer);
      if (own.signal.aborted || !lost || !isContainerLost(error, lost, options.now())) throw error;
      this.#isPending = false;
      this.#restart(lost, error);
      return this.#send(own);
    }
  }

  #knownContainer(id: string): KnownContainer {
    const known = [this.#run.readState().container, this.#start.named].find((one) => one?.id === id);
    return { id, expiresAt: known?.expiresAt ?? null };
  }

  /** @throws {TurnBreak} where something of the turn would be lost with the container. */
  #restart({ id, expiresAt }: KnownContainer, cause: unknown): void {
    const { emit } = this.#run;
    const container = { id, expiresAt: expiresAt ?? this.#time(), skills: [] };
    emit({ type: 'container', change: 'lost', container });
    if (!this.#mayRestart) {
      const message = `Container ${id} is gone, with its files and variables.`;
      throw new TurnBreak('container_lost', message, { subject: id, cause });
    }
    emit({ type: 'notice', notice: containerLostNotice(id, this.#standing.responses.length) });
    this.#mayRestart = false;
    this.#standing = restarted(this.#standing, this.#moment());
  }

  #moveTo(standing: Standing): void {
    this.#isPending = false;
    this.#standing = standing;
  }

  /** A clock that was set back takes nothing away. */
  #moment(): Moment {
    const now = this.#run.options.now().getTime();
    const elapsedMs = Math.max(now - this.#readAt, 0);
    this.#readAt = now;
    return { state: this.#run.readState(), elapsedMs };
  }

  readonly #time = (): string => this.#run.options.now().toISOString();

  #newTranslator(state: TurnState): TurnTranslator {
    const { emit, options } = this.#run;
    return new TurnTranslator(emit, state, { time: this.#time, maxEvents: options.maxTurnEvents });
  }

  #checkpoint(standing: Standing, mayRerun: boolean): Checkpoint {
    const { limits, handlers } = this.#run;
    return checkpointAt(standing, { limits, runnableTools: [...handlers.keys()], mayRerun });
  }
}

/** After its stop reason the answer is there: to ask for it again would run its code again for nothing. */
function hasReason({ message }: TurnTranslator): boolean {
  return typeof message?.stop_reason === 'string';
}

/**
 * What a response asks for, if the loop can do it. No call is
 * run unless all can be: they have to be answered together.
 */
function asksOf(response: Message, handlers: Run['handlers']): Asks | undefined {
  const outcome = outcomeOf(response);
  if (outcome === 'paused') return 'pause';
  const areRunnable = toolUsesIn(response.content).every(({ name }) => handlers.has(name));
  return outcome === 'awaiting-tools' && areRunnable ? 'tools' : undefined;
}
