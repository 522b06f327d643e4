import type { ContentBlockParam, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { InvalidInputError, isTyped, reasonOf, typedError } from '../errors.ts';
import { Container } from '../request/container.ts';
import type { FileReference } from '../request/content.ts';
import { type Prefix, prefixOf } from '../request/prefix.ts';
import { handlersOf, splitTools } from '../request/runnable-tools.ts';
import { resolveTurnOptions, type TurnOptions } from '../run/options.ts';
import type { TurnPlan } from '../run/plan.ts';
import { planResume, type ResumeOptions } from '../run/resume-turn.ts';
import { planTurn } from '../run/run-turn.ts';
import { TurnStream } from '../run/turn-stream.ts';
import type { MessagesClient } from '../sdk/client.ts';
import { DEFAULT_LIMITS } from '../turn/limits.ts';
import type { McpServer } from '../turn/mcp-servers.ts';
import type { Notice } from '../turn/state.ts';
import type { Checkpoint, Turn } from '../turn/turn.ts';
import { assertNothingUnfinished, contentOf, nextTurn, type SessionDefaults } from './next-turn.ts';
import { settlePrefix } from './settle-prefix.ts';
import { checkSnapshot, type SessionSnapshot, type SessionUsage, usageOfSession } from './snapshot.ts';
import { repairedFor, storedConversation } from './stored-conversation.ts';
import {
  afterDiscard,
  afterFailure,
  afterTurn,
  containerOfSession,
  forkOf,
  withUnfinished,
} from './transitions.ts';

/** Options of the turns of a session: those of a turn. */
export interface SessionTurnOptions extends Omit<TurnOptions, 'onCheckpoint'> {
  /**
   * As for a turn. The session holds the checkpoint already: store
   * `session.toJSON()` here, and a kill loses nothing before it.
   */
  readonly onCheckpoint?:
    | ((checkpoint: Checkpoint, session: Session) => void | PromiseLike<void>)
    | undefined;
}

/** Options of one turn of a session, before those of the session. */
export interface SessionRunOptions extends SessionTurnOptions {
  /** Uploaded files for the container, as `userMessage` takes them. */
  readonly files?: readonly FileReference[] | undefined;
}

/** Options of an unfinished turn that goes on: those of `resumeTurn`. */
export type SessionResumeOptions<Parsed = unknown> = SessionTurnOptions &
  Omit<ResumeOptions<Parsed>, keyof TurnOptions>;

/** What a session begins with. */
interface SessionStart<Parsed> {
  readonly client: MessagesClient;
  readonly defaults: SessionDefaults<Parsed>;
  readonly options: SessionTurnOptions;
  readonly snapshot: SessionSnapshot;
  /** The snapshot is our own, or was checked. */
  readonly isChecked: boolean;
  /** For the first turn. */
  readonly notices: readonly Notice[];
}

/** Options of a fork: those of its turns, and where it begins. */
export interface SessionForkOptions extends SessionTurnOptions {
  /**
   * A conversation to go on from instead of this one. From the first message on that is another one than in
   * this session, thinking is taken out, since newer models bind it to what stands before it.
   */
  readonly messages?: readonly MessageParam[] | undefined;
  /** Go on in the same container. Default `false`: a fresh one, with the uploads of the conversation. */
  readonly keepContainer?: boolean | undefined;
}

/** A turn that can be run, and what it is sent under. */
type SessionPlan = TurnPlan & { readonly prefix: Prefix };

/**
 * Several turns that share one conversation and one container, one turn at a time. Made by `createSession`.
 *
 * - A turn that ended is added to the conversation; a refused one is not, since the API would go on refusing.
 * - One that can go on is `unfinished`: `awaiting-tools`, `paused`, a `TurnLimitError`,
 *   a `TurnInterruptedError`. It is resumed or discarded before the next turn.
 * - Any other failure leaves the conversation as it was. After a
 *   `ContainerLostError` the next turn gets a fresh container.
 */
export class Session<Parsed = unknown> {
  readonly #client: MessagesClient;
  readonly #defaults: SessionDefaults<Parsed>;
  readonly #options: SessionTurnOptions;
  #snapshot: SessionSnapshot;
  #isChecked: boolean;
  #notices: readonly Notice[];
  #isBusy = false;

  /** @internal Use `createSession`. */
  constructor({ client, defaults, options, snapshot, isChecked, notices }: SessionStart<Parsed>) {
    this.#client = client;
    this.#defaults = defaults;
    this.#options = options;
    this.#snapshot = snapshot;
    this.#isChecked = isChecked;
    this.#notices = notices;
  }

  /** The conversation: all turns that ended. */
  get messages(): readonly MessageParam[] {
    return this.#read('messages', () => this.#snapshot.messages);
  }

  /** The container that the next turn goes on in, unless it has expired; `null` when it gets a fresh one. */
  get container(): Container | null {
    return this.#read('container', () => {
      const container = containerOfSession(this.#snapshot);
      return container && new Container(container);
    });
  }

  /** Counters summed over all turns, also refused and discarded ones. A fork counts its own turns only. */
  get usage(): SessionUsage {
    return this.#read('usage', () => usageOfSession(this.#snapshot));
  }

  /** The last checkpoint of a turn that has not ended, also while it runs; else `null`. */
  get unfinished(): Checkpoint | null {
    return this.#read('unfinished', () => this.#snapshot.unfinished);
  }

  /**
   * Runs the next turn: the conversation with one more user message, in the same container.
   * Where that has to be a fresh one, the uploads of earlier turns are repeated in the message.
   *
   * @param input the text or the content blocks of the message
   * @throws {InvalidInputError} for bad input, while another
   * turn runs, and while one is unfinished; before any request.
   * @throws what `runTurn` throws.
   *
   * @example
   * ```ts
   * await session.run('Which month was best?', { files: [await uploadPath(client, 'sales.csv')] });
   * const turn = await session.run('Plot that month by day.');
   * ```
   */
  async run(
    input: string | readonly ContentBlockParam[],
    options?: SessionRunOptions,
  ): Promise<Turn<Parsed>> {
    return this.stream(input, options).turn();
  }

  /**
   * Like {@link run}, with the turn's events. The session is busy from the first
   * `next()` or `turn()` to the end of the turn; leaving the iteration early ends it.
   *
   * @example
   * ```ts
   * for await (const event of session.stream('Now by region.')) show(event);
   * ```
   */
  stream(input: string | readonly ContentBlockParam[], options: SessionRunOptions = {}): TurnStream<Parsed> {
    return this.#stream(() => {
      const { files, ...given } = options;
      const turnOptions = this.#keepingCheckpoints(withDefaults(given, this.#options));
      const resolved = resolveTurnOptions(turnOptions);
      const content = contentOf(input, files);
      assertNothingUnfinished(this.#snapshot);
      const settled = settlePrefix(this.#snapshot, this.#defaults, resolved);
      const { defaults, prefix } = settled;
      const { snapshot, notices } = repairedFor(settled.snapshot, { content, model: defaults.model });
      const params = nextTurn(snapshot, defaults, { content, now: resolved.now() });
      const allNotices = [...this.#notices, ...settled.notices, ...notices];
      const plan = planTurn(this.#client, params, turnOptions, allNotices);
      this.#snapshot = snapshot;
      return { ...plan, prefix };
    });
  }

  /**
   * Goes on with the unfinished turn, as `resumeTurn` does: with the handlers of the session's tools and of
   * those given, with the results of the calls that it waits for, or with something else to say. Where
   * something was sent after the checkpoint it wants `rerun: true`. Limits are those that the turn began
   * with, where the options name none.
   *
   * @example
   * ```ts
   * if (session.unfinished) await session.resume({ rerun: true }).turn();
   * ```
   */
  resume(options: SessionResumeOptions<Parsed> = {}): TurnStream<Parsed> {
    return this.#stream(async () => {
      const { unfinished } = this.#snapshot;
      if (!unfinished) {
        throw new InvalidInputError('This session has no unfinished turn to resume: use run or stream.');
      }
      const own = Object.entries(this.#options).filter(([name]) => !(name in DEFAULT_LIMITS));
      const given = this.#keepingCheckpoints(withDefaults(options, Object.fromEntries(own)));
      const handlers = [splitTools(this.#defaults.tools ?? []).handlers, handlersOf(options.tools ?? [])];
      const tools = [...new Map(handlers.flatMap((named) => [...named])).values()];
      // A turn that was begun without a format answers in plain text.
      const format = unfinished.params.output_config?.format && this.#defaults.output_config?.format;
      const { mcp_servers: servers } = this.#defaults as { readonly mcp_servers?: readonly McpServer[] };
      const mcpServers = unfinished.mcpServers && servers;
      const plan = await planResume(this.#client, unfinished, { format, mcpServers, ...given, tools });
      const { params, container } = unfinished;
      return { ...plan, prefix: prefixOf({ ...params, messages: [], container }) };
    });
  }

  /**
   * Gives the unfinished turn up: the conversation and the container are those from before it,
   * but what its code did in that container stays done. Does nothing where no turn is unfinished.
   *
   * @throws {InvalidInputError} while a turn runs.
   */
  discard(): void {
    if (this.#isBusy) {
      throw new InvalidInputError('A turn of this session is running: abort it before you discard it.');
    }
    this.#snapshot = this.#read('discard', () => afterDiscard(this.#snapshot));
  }

  /**
   * Another session that shares the conversation so far. Its first turn gets
   * a fresh container with all uploads of the conversation; what code made
   * in the other one is not there. A turn that has not ended is left out.
   *
   * With `messages` it goes on from another conversation, such as a summary where the context is full, and
   * with `keepContainer` in the same container, whose files and variables both then share.
   *
   * @param options for its turns, before those of this session:
   * an `onCheckpoint` of this one is called with the fork
   *
   * @example
   * ```ts
   * const summary = await session.run('Sum up what we know.');
   * const shorter = session.fork({ messages: [userMessage(summary.answer)], keepContainer: true });
   * ```
   */
  fork(forkOptions: SessionForkOptions = {}): Session<Parsed> {
    return this.#read('fork', () => {
      const { messages, keepContainer, ...options } = forkOptions;
      const merged = withDefaults(options, this.#options);
      const { repaired, notices } = storedConversation(messages ?? []);
      resolveTurnOptions(merged as TurnOptions);
      return new Session({
        client: this.#client,
        defaults: this.#defaults,
        options: merged,
        snapshot: forkOf(this.#snapshot, { messages: messages && repaired, keepContainer }),
        isChecked: this.#isChecked,
        notices,
      });
    });
  }

  /**
   * The session as plain JSON, at any time: what
   * `createSession(client, defaults, { snapshot })` goes on from.
   */
  toJSON(): SessionSnapshot {
    // The reader's own.
    return this.#read('toJSON', () => structuredClone(this.#snapshot));
  }

  /** A snapshot from outside is checked before its first turn; until then it may be anything. */
  #read<T>(what: string, read: () => T): T {
    try {
      return read();
    } catch (cause) {
      if (this.#isChecked || isTyped(cause)) throw typedError(`session.${what}`, cause);
      throw new InvalidInputError(`The snapshot is damaged: ${what} fails with ${reasonOf(cause)}.`, {
        cause,
      });
    }
  }

  #stream(plan: () => SessionPlan | Promise<SessionPlan>): TurnStream<Parsed> {
    return new TurnStream(() => this.#begin(plan));
  }

  /** Begins a turn, one at a time. */
  async #begin(toPlan: () => SessionPlan | Promise<SessionPlan>): Promise<TurnPlan> {
    if (this.#isBusy) {
      throw new InvalidInputError(
        'A turn of this session is running, and it takes one at a time: await it, or end its stream. ' +
          'For turns side by side use session.fork().',
      );
    }
    this.#isBusy = true;
    try {
      if (!this.#isChecked) await checkSnapshot(this.#snapshot);
      this.#isChecked = true;
      const plan = await toPlan();
      return { ...plan, steps: (stage) => this.#keep(plan.steps(stage), plan.prefix) };
    } catch (error) {
      this.#isBusy = false;
      throw error;
    }
  }

  /** Runs a turn, and keeps what becomes of it. */
  async *#keep(steps: AsyncGenerator<void, Turn>, prefix: Prefix): AsyncGenerator<void, Turn> {
    try {
      const turn = yield* steps;
      this.#snapshot = afterTurn(this.#snapshot, turn, prefix);
      this.#notices = [];
      return turn;
    } catch (error) {
      this.#snapshot = afterFailure(this.#snapshot, error);
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }

  /**
   * The session holds each checkpoint before the caller hears of it, so that `toJSON()` can be stored then.
   */
  #keepingCheckpoints<O extends SessionTurnOptions>(options: O): Omit<O, 'onCheckpoint'> & TurnOptions {
    const { onCheckpoint = () => {} } = options;
    const keep = (checkpoint: Checkpoint) => {
      this.#snapshot = withUnfinished(this.#snapshot, checkpoint);
      return onCheckpoint(checkpoint, this);
    };
    // What is no function is refused with the other options.
    return { ...options, onCheckpoint: typeof onCheckpoint === 'function' ? keep : onCheckpoint };
  }
}

/** The options that are given, and else the session's. */
function withDefaults<O extends SessionTurnOptions>(given: O, defaults: SessionTurnOptions): O {
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(named) } as O;
}
