import type { MessageParam, ToolUseBlock } from '@anthropic-ai/sdk/resources/messages';
import { TurnLimitError } from '../errors.ts';
import { requestedContainerId } from '../request/container.ts';
import { withResponse } from '../request/next-params.ts';
import { inertUploads, type RequestParams } from '../request/params.ts';
import { answerCalls } from '../request/tool-round.ts';
import { LONGEST_DELAY_MS, retryDelayMs, sendMessage, sleep } from '../sdk/send.ts';
import type { Checkpoint, Turn } from '../turn/state.ts';
import { TurnTranslator } from '../turn/translate.ts';
import { withInterrupted } from '../turn/usage.ts';
import { isRecord, type Message, toolUsesIn } from '../wire/blocks.ts';
import { readResponse } from '../wire/read-response.ts';
import { reasonOf } from '../wire/reason.ts';
import { untilAborted } from '../wire/until-aborted.ts';
import { type Boundary, checkpointAt } from './checkpoint.ts';
import { endTurn, turnOf } from './end-turn.ts';
import { brokeOff, CallbackFailure, failTurn, LimitReached, LostContainer } from './failure.ts';
import { limitsOf, Meter, spentBehind, type TurnLimits } from './limits.ts';
import {
  inFreshContainer,
  type KnownContainer,
  requestedContainer,
  tellsOfLostContainer,
} from './lost-container.ts';
import { containerLostNotice, inertUploadsNotice, responseRepeatedNotice } from './notices.ts';
import type { TurnRun, TurnStart } from './turn-context.ts';

/**
 * The loop of a turn: send, read, and go on while the API pauses or calls tools that have a handler. Yields after each
 * batch of events so that whoever takes them sets the pace, and returns the turn. Limits are checked between responses.
 *
 * @throws {TurnLimitError} at a limit of the options.
 * @throws {ContainerLostError} when the container of a request is gone.
 * @throws {TurnInterruptedError} when the exchange breaks after something was received, and on abort.
 * @throws the SDK's error when the first request fails.
 *
 * Whatever it throws, a `turn-error` event came before.
 */
export async function* turnLoop(run: TurnRun, start: TurnStart): AsyncGenerator<void, Turn> {
  return yield* new TurnLoop(run, start).run();
}

class TurnLoop {
  readonly #run: TurnRun;
  #translator: TurnTranslator;
  readonly #responses: Message[];
  readonly #meter: Meter;
  readonly #named: KnownContainer | null;
  /** Where the turn stood last between two responses. */
  #boundary: Boundary;
  /** A request or a handler was started behind the boundary. */
  #isBehind = false;
  /** Nothing of this turn ran yet, so a fresh container loses nothing. */
  #mayRestart: boolean;

  constructor(run: TurnRun, { params, responses, spent, phase, container }: TurnStart) {
    const state = run.readState();
    const limits = limitsOf(run.options);
    this.#run = run;
    this.#responses = [...responses];
    this.#named = container;
    this.#mayRestart =
      responses.length === 0 && run.options.onLostContainer === 'restart' && beginsTurn(params.messages);
    this.#meter = new Meter(limits, run.options.now, state, spent);
    this.#translator = new TurnTranslator(run.emit, state);
    this.#boundary = {
      params,
      phase,
      limits,
      spent,
      state,
      responses,
      runnableTools: [...run.handlers.keys()],
    };
  }

  async *run(): AsyncGenerator<void, Turn> {
    try {
      if (this.#isOver()) return await this.#end();
      this.#tellInertUploads();
      if (this.#boundary.phase === 'awaiting-tools') yield* this.#answerTools();
      for (;;) {
        yield* this.#exchangeOrRepeat();
        const asks = this.#asks();
        if (!asks) return await this.#end();
        if (this.#stopsBefore(asks)) return await this.#end('paused');
        await this.#save();
        yield;
        if (asks === 'tools') yield* this.#answerTools();
        // Handlers and the saving of checkpoints take their time, too.
        this.#assertUnder(this.#meter.reached(this.#run.readState()));
      }
    } catch (error) {
      throw failTurn(error, {
        ...this.#run,
        responses: [...this.#responses],
        translator: this.#translator,
        checkpoint: checkpointAt(this.#isBehind ? this.#brokenOff() : this.#boundary, this.#isBehind),
      });
    }
  }

  /** What the last response asks for, if the loop can do it. The boundary is behind the response then. */
  #asks(): 'pause' | 'tools' | undefined {
    const response = this.#responses.at(-1) as Message;
    const { stop_reason: reason, content } = response;
    const { handlers, emit } = this.#run;
    if (reason === 'pause_turn') emit({ type: 'pause', responseIndex: this.#responses.length - 1 });
    this.#moveTo(
      reason === 'tool_use' ? 'awaiting-tools' : 'ready',
      withResponse(this.#boundary.params, response),
    );
    if (reason === 'pause_turn') return 'pause';
    const calls = toolUsesIn(content);
    // None is run unless all can be: they have to be answered together.
    const areRunnable = calls.length > 0 && calls.every(({ name }) => handlers.has(name));
    return reason === 'tool_use' && areRunnable ? 'tools' : undefined;
  }

  /** The turn had come to its end, and only that was not told. */
  #isOver(): boolean {
    const { phase, params, responses } = this.#boundary;
    const reason = responses.at(-1)?.stop_reason;
    if (phase === 'awaiting-tools' || params.messages.at(-1)?.role !== 'assistant') return false;
    return responses.length > 0 && reason !== 'pause_turn';
  }

  #tellInertUploads(): void {
    const { params, responses } = this.#boundary;
    const notice = inertUploadsNotice(responses.length === 0 ? inertUploads(params) : []);
    if (notice) this.#run.emit({ type: 'notice', notice });
  }

  /** What the turn is asked for next counts as spent from here on, whoever does it. */
  #stopsBefore(asks: 'pause' | 'tools'): boolean {
    const state = this.#run.readState();
    const limit = this.#meter.reached(state, asks);
    if (asks === 'pause') this.#meter.pause();
    else this.#meter.toolRound();
    this.#boundary = { ...this.#boundary, spent: this.#meter.spent(state) };
    this.#assertUnder(limit);
    try {
      const stops: unknown = this.#run.options.stopWhen?.(state);
      if (!isPromise(stops)) return stops === true;
      stops.then(undefined, () => {});
    } catch (error) {
      throw new CallbackFailure('stopWhen', error);
    }
    throw new CallbackFailure('stopWhen', new TypeError('it must give true or false, and gave a promise'));
  }

  /** @throws {LimitReached} which becomes a `TurnLimitError`. */
  #assertUnder(limit: keyof TurnLimits | undefined): void {
    if (limit) {
      const boundary = { ...this.#boundary, spent: spentBehind(limit, this.#boundary.spent) };
      const message =
        `The turn reached ${limit} (${boundary.limits[limit]}) and is not finished: go on with ` +
        `resumeTurn(client, error.checkpoint), which counts ${limit} anew, or raise it.`;
      throw new LimitReached(message, (state) => {
        const checkpoint = checkpointAt({ ...boundary, state }, false);
        return new TurnLimitError(message, {
          limit,
          turn: turnOf(state, boundary, 'paused', checkpoint),
          checkpoint,
        });
      });
    }
  }

  #end(outcome?: 'paused'): Promise<Turn> {
    if (!outcome && this.#boundary.phase === 'awaiting-tools') {
      this.#meter.toolRound();
      this.#boundary = { ...this.#boundary, spent: this.#meter.spent(this.#run.readState()) };
    }
    return endTurn(this.#run, this.#boundary, this.#translator, outcome);
  }

  #moveTo(phase: Checkpoint['phase'], params: RequestParams): void {
    this.#isBehind = false;
    const state = this.#run.readState();
    const spent = this.#meter.spent(state);
    this.#boundary = { ...this.#boundary, params, phase, spent, state, responses: [...this.#responses] };
  }

  /** Whoever finds this checkpoint later cannot know whether the turn went on from it: it says that something may run again. */
  async #save(): Promise<void> {
    this.#boundary = { ...this.#boundary, spent: this.#meter.spent(this.#run.readState()) };
    const { onCheckpoint } = this.#run.options;
    if (!onCheckpoint) return;
    try {
      await untilAborted(Promise.resolve(onCheckpoint(checkpointAt(this.#boundary, true))), this.#run.signal);
    } catch (error) {
      this.#run.signal.throwIfAborted();
      throw new CallbackFailure('onCheckpoint', error);
    }
  }

  /** Runs the handlers of all waiting calls, and puts their results into one user message. */
  async *#answerTools(): AsyncGenerator<void, void> {
    const { handlers, options, signal } = this.#run;
    const { params } = this.#boundary;
    const calls = toolUsesIn((this.#responses.at(-1) as Message).content) as unknown as ToolUseBlock[];
    signal.throwIfAborted();
    this.#isBehind = true;
    const results = await answerCalls(calls, { handlers, timeoutMs: options.toolTimeoutMs, signal });
    this.#moveTo('ready', { ...params, messages: [...params.messages, { role: 'user', content: results }] });
    await this.#save();
    yield;
  }

  /** The boundary with what the response behind it took before it broke off: tokens and time. */
  #brokenOff(): Boundary {
    const now = this.#run.readState();
    const { state } = this.#boundary;
    const reported = now.usage.perResponse[this.#responses.length];
    return {
      ...this.#boundary,
      spent: this.#meter.spent(now),
      state: { ...state, usage: withInterrupted(state.usage, reported) },
    };
  }

  /** A response that broke off is asked for again only as often as the caller says: its code may run twice. */
  async *#exchangeOrRepeat(): AsyncGenerator<void, void> {
    const { signal, options } = this.#run;
    for (let attempt = 0; ; attempt++) {
      try {
        return yield* this.#exchange();
      } catch (error) {
        const delay = retryDelayMs(error, attempt);
        const goesOn = attempt < options.interruptedRetries && delay <= LONGEST_DELAY_MS;
        if (!goesOn || signal.aborted || !brokeOff(error)) throw error;
        await sleep(delay, signal);
        this.#repeat(error);
        yield;
      }
    }
  }

  /** Takes the events of the broken response back; what came of it stays in a notice. */
  #repeat(error: unknown): void {
    const { emit, readState } = this.#run;
    const boundary = this.#brokenOff();
    const notice = responseRepeatedNotice(reasonOf(error), this.#translator.message);
    const state = { ...boundary.state, notices: [...readState().notices, notice] };
    emit({ type: 'response-repeat', responseIndex: this.#responses.length, state });
    this.#boundary = { ...boundary, state: readState() };
    this.#translator = new TurnTranslator(emit, state);
  }

  /**
   * One request and its response, under a signal of its own: the SDK leaves a listener on the one that it is given, and a
   * turn may take many requests. The message is appended once `message_stop` proved that it is whole.
   */
  async *#exchange(): AsyncGenerator<void, void> {
    const { signal, options, budget } = this.#run;
    signal.throwIfAborted();
    const exchanged = new AbortController();
    const abort = () => exchanged.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      const response = await this.#send(exchanged.signal);
      this.#mayRestart = false;
      const limits = { ...options, signal: exchanged.signal, budget };
      for await (const _ of readResponse(response, limits, (event) => this.#translator.push(event))) {
        yield;
        // Whatever has arrived already: who aborts, also by leaving the loop, wants nothing more to be sent.
        signal.throwIfAborted();
        if (this.#translator.stopped) break;
      }
      this.#responses.push(this.#translator.complete(response.headers.get('request-id')));
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Sends the request, once more in a fresh container where the one that it names is gone and nothing is lost with it. */
  async #send(signal: AbortSignal): Promise<Response> {
    const { client, options, emit, readState } = this.#run;
    const { params } = this.#boundary;
    this.#translator.beginResponse({
      responseIndex: this.#responses.length,
      requestedContainer: requestedContainerId(params.container),
    });
    this.#isBehind = true;
    try {
      const { retries, request } = options;
      return await sendMessage(client, params, { retries, signal, request });
    } catch (error) {
      const container = requestedContainer(params, [readState().container, this.#named]);
      // Refused before anything ran.
      if (isRefusal(error)) this.#isBehind = false;
      if (signal.aborted || !container || !tellsOfLostContainer(error, container, options.now())) throw error;
      this.#isBehind = false;
      const { id, expiresAt } = container;
      const lost = { id, expiresAt: expiresAt ?? options.now().toISOString(), skills: [] };
      emit({ type: 'container', change: 'lost', container: lost });
      if (!this.#mayRestart) throw new LostContainer(id, error);
      emit({ type: 'notice', notice: containerLostNotice(id) });
      this.#mayRestart = false;
      this.#boundary = { ...this.#boundary, params: inFreshContainer(params), state: readState() };
      return this.#send(signal);
    }
  }
}

/** Whether a history ends with a message that begins a turn, and nothing of it ran before. */
function beginsTurn(messages: readonly MessageParam[]): boolean {
  const last = messages.at(-1);
  if (last?.role !== 'user') return false;
  return typeof last.content === 'string' || !last.content.some(({ type }) => type === 'tool_result');
}

function isRefusal(error: unknown): boolean {
  const status = isRecord(error) ? error['status'] : undefined;
  return typeof status === 'number' && ((status >= 400 && status < 500) || status === 503 || status === 529);
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return isRecord(value) && typeof value['then'] === 'function';
}
