import { attempt } from '../errors.ts';
import type { UnnumberedEvent } from '../turn/events.ts';
import type { Execution } from '../turn/execution.ts';
import type { TurnState } from '../turn/state.ts';
import type { RequestParams } from '../turn/turn.ts';
import { usageOf } from '../turn/usage.ts';
import type { TurnObserver } from './observer.ts';
import {
  answered,
  asked,
  EXTENSION,
  FUNCTION,
  jsonOf,
  ran,
  toolAttributes,
  turnAttributes,
} from './span-attributes.ts';
import type { SpanAttributes, TracingSpan, TurnTracing } from './tracing.ts';

/** A turn that a span is made for. */
export interface SpannedTurn {
  readonly params: RequestParams;
  /** The SDK's `openTelemetry.conversationId` of the request options, which its spans carry, too. */
  readonly conversationId: unknown;
  /** As it stood when this run of it began. */
  readonly before: TurnState;
  readonly readState: () => TurnState;
}

const ERROR = 2;

/**
 * Begins the span of a turn. Executions and handlers get spans of their own below it, pauses, containers
 * and notices are events on it. Whatever tracer or context throw, the turn goes on without them.
 *
 * The span is made active by the tracer, and that context read back: with the two alone there is no other
 * public way to have it as a parent. Where no context manager is registered it cannot be one, so there is
 * nothing below it.
 */
export function turnSpan(tracing: TurnTracing, turn: SpannedTurn): TurnObserver {
  return new TurnSpan(tracing, turn);
}

class TurnSpan implements TurnObserver {
  readonly #tracing: TurnTracing;
  readonly #turn: SpannedTurn;
  readonly #span: Opened | undefined;
  readonly #executions = new Map<string, Opened | undefined>();

  constructor(tracing: TurnTracing, turn: SpannedTurn) {
    this.#tracing = tracing;
    this.#turn = turn;
    const { params, conversationId } = turn;
    const attributes = turnAttributes(params, conversationId);
    this.#span = this.#open('invoke_agent', attributes);
    if (tracing.content) this.#span?.set(() => asked(params));
  }

  readonly inside = <T>(work: () => Promise<T>): Promise<T> => within(this.#tracing, this.#span, work);

  readonly handler: TurnObserver['handler'] = async (call, work) => {
    const span = this.#below(toolAttributes(call.name, call.id, FUNCTION));
    const keep = (name: 'arguments' | 'result', value: unknown) => {
      if (this.#tracing.content) span?.set(() => ({ [`gen_ai.tool.call.${name}`]: jsonOf(value) }));
    };
    keep('arguments', call.input);
    try {
      const given = await within(this.#tracing, span ?? this.#span, work);
      keep('result', given);
      return given;
    } catch (error) {
      span?.fail(attempt(() => String((error as Error).name), '_OTHER'));
      throw error;
    } finally {
      span?.end();
    }
  };

  readonly see = (event: UnnumberedEvent): void => {
    const { content } = this.#tracing;
    switch (event.type) {
      case 'execution-running':
        this.#execution(event.execution);
        break;
      case 'execution-end':
        this.#endExecution(event.execution);
        break;
      case 'pause':
        this.#note('pause', { response_index: event.responseIndex });
        break;
      case 'response-repeat':
        this.#note('response_repeat', { response_index: event.responseIndex });
        this.#endExecutions();
        break;
      case 'container':
        this.#note('container', { 'container.change': event.change, 'container.id': event.container.id });
        break;
      case 'notice': {
        const { code, message } = event.notice;
        this.#note('notice', { 'notice.code': code, ...(content ? { 'notice.message': message } : {}) });
        break;
      }
      case 'turn-error':
        this.#span?.fail(event.code, content ? event.message : undefined);
        this.end();
        break;
      case 'turn-end':
        this.end();
    }
  };

  readonly end = (): void => {
    this.#endExecutions();
    const span = this.#span;
    if (!span || span.isOver) return;
    const { cost, content } = this.#tracing;
    span.set(() => {
      const state = sinceOf(this.#turn.before, this.#turn.readState());
      const usd = cost && attempt(() => cost(state), undefined);
      const known =
        typeof usd === 'number' && Number.isFinite(usd) ? { 'code_execution_kit.cost_usd': usd } : {};
      return { ...answered(state, content === true), ...known };
    });
    span.end();
  };

  /** The span of an execution, which begins when the sandbox does. */
  #execution({ id, name }: Execution): Opened | undefined {
    if (!this.#executions.has(id)) {
      this.#executions.set(id, this.#below(toolAttributes(name ?? 'code_execution', id, EXTENSION)));
    }
    return this.#executions.get(id);
  }

  #endExecution(execution: Execution): void {
    const span = this.#execution(execution);
    const { status, errorCode } = execution;
    span?.set(() => ran(execution, this.#tracing.content === true));
    if (status !== 'succeeded') span?.fail(errorCode ?? status);
    span?.end();
  }

  /** Those that no result came for. */
  #endExecutions(): void {
    for (const span of this.#executions.values()) span?.end();
  }

  #note(name: string, attributes: SpanAttributes): void {
    const named = Object.entries(attributes).map(([key, value]) => [`code_execution_kit.${key}`, value]);
    this.#span?.note(`code_execution_kit.${name}`, Object.fromEntries(named));
  }

  #below(attributes: SpanAttributes): Opened | undefined {
    if (!this.#span?.isParent) return undefined;
    return this.#open(`execute_tool ${attributes['gen_ai.tool.name']}`, attributes, this.#span);
  }

  #open(name: string, attributes: SpanAttributes, parent?: Opened): Opened | undefined {
    const { tracer, context } = this.#tracing;
    let opened: Opened | undefined;
    const open = () => {
      const outer = context.active();
      tracer.startActiveSpan(name, { attributes }, (span) => {
        const inner = attempt(() => context.active(), outer);
        opened ??= new Opened(span, inner, inner !== outer);
      });
    };
    void within(this.#tracing, parent, async () => attempt(open, undefined));
    return opened;
  }
}

/** A span that never throws, and ends once. */
class Opened {
  readonly #span: TracingSpan;
  /** In which it is active. */
  readonly context: unknown;
  readonly isParent: boolean;
  isOver = false;

  constructor(span: TracingSpan, context: unknown, isParent: boolean) {
    this.#span = span;
    this.context = context;
    this.isParent = isParent;
  }

  set(attributes: () => SpanAttributes): void {
    attempt(() => void this.#span.setAttributes(attributes()), undefined);
  }

  note(name: string, attributes: SpanAttributes): void {
    attempt(() => void this.#span.addEvent(name, attributes), undefined);
  }

  fail(type: string, message?: string): void {
    this.set(() => ({ 'error.type': type }));
    const status = { code: ERROR, ...(message === undefined ? {} : { message }) };
    attempt(() => void this.#span.setStatus(status), undefined);
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    attempt(() => this.#span.end(), undefined);
  }
}

/** Runs the work with the span active; once, whatever `with` does with it. */
function within<T>({ context }: TurnTracing, span: Opened | undefined, work: () => Promise<T>): Promise<T> {
  if (!span) return work();
  let begun: Promise<T> | undefined;
  const once = () => {
    begun ??= work();
    return begun;
  };
  attempt(() => void context.with(span.context, once), undefined);
  return once();
}

/** The state with what came since: what another run of the turn was billed for is on that run's span. */
function sinceOf(before: TurnState, state: TurnState): TurnState {
  const exchanges = state.exchanges.slice(before.exchanges.length);
  const earlier = new Set(
    before.executions.flatMap(({ id, resultIndex }) => (resultIndex === null ? [] : [id])),
  );
  const executions = state.executions.filter(({ id }) => !earlier.has(id));
  return { ...state, exchanges, executions, usage: usageOf(exchanges) };
}
