import type { TurnState } from '../turn/state.ts';

// OpenTelemetry's own types are not imported: a program that reads our types would need its package.

/** What a span is given; texts, numbers and lists of texts. */
export type SpanAttributes = Record<string, string | number | boolean | string[]>;

/** The part of OpenTelemetry's `Span` that is used. */
export interface TracingSpan {
  setAttributes(attributes: SpanAttributes): unknown;
  addEvent(name: string, attributes?: SpanAttributes): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** The part of OpenTelemetry's `Tracer` that is used: `trace.getTracer('my-app')`. */
export interface TracingTracer {
  startActiveSpan<T>(
    name: string,
    options: { attributes?: SpanAttributes },
    work: (span: TracingSpan) => T,
  ): T;
}

/** The part of the `context` of `@opentelemetry/api` that is used. */
export interface TracingContext {
  // biome-ignore-start lint/suspicious/noExplicitAny: its Context is opaque here.
  active(): any;
  with<T>(context: any, work: () => T): T;
  // biome-ignore-end lint/suspicious/noExplicitAny: see above
}

/**
 * The option `tracing`: one span for each turn, named by OpenTelemetry's conventions for generative AI.
 * Nothing of OpenTelemetry is imported here, so the two come from the application's own `@opentelemetry/api`.
 *
 * @example
 * ```ts
 * import { context, trace } from '@opentelemetry/api';
 *
 * const tracing = { tracer: trace.getTracer('my-app'), context };
 * const turn = await runTurn(client, params, { tracing });
 * ```
 */
export interface TurnTracing {
  readonly tracer: TracingTracer;
  /** Makes the span the parent of those that the SDK, `fetch` and handlers begin. */
  readonly context: TracingContext;
  /**
   * Put questions, answers, code, output and the messages of errors
   * and notices on the spans, too. Default `false`.
   */
  readonly content?: boolean | undefined;
  /**
   * The price in USD of what the span covers, for its `code_execution_kit.cost_usd`. The state's
   * `exchanges`, `usage` and `executions` are those of the span alone: a resumed turn has a span
   * in each process, and sums count none twice.
   */
  readonly cost?: ((turn: TurnState) => number) | undefined;
}
