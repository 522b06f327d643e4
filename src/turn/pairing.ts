import type { ResultBlock } from '../wire/blocks.ts';
import { type Execution, executionWithoutCall, finishedExecution, type ResultFacts } from './execution.ts';

/**
 * Pairs calls and results by id, over any number of responses: a result may open the response
 * after the one with its call, and where blocks overlap it may come before the call is whole.
 */
export class Pairing {
  readonly #executions: Map<string, Execution>;

  constructor(known: readonly Execution[] = []) {
    this.#executions = new Map(known.map((execution) => [execution.id, execution]));
  }

  /** Every execution so far, in the order of their calls. */
  get executions(): Execution[] {
    return [...this.#executions.values()];
  }

  /**
   * Takes a call that is whole; gives its result where that came before, to be given to {@link end} again.
   */
  begin(execution: Execution): ResultBlock | undefined {
    const early = this.#executions.get(execution.id);
    this.#executions.set(execution.id, execution);
    return (early?.result ?? undefined) as ResultBlock | undefined;
  }

  /** Takes a result, and gives the execution that it ends. */
  end(facts: ResultFacts): Execution {
    const known = this.#executions.get(facts.result.tool_use_id);
    const execution = known?.call ? finishedExecution(known, facts) : executionWithoutCall(facts);
    this.#executions.set(execution.id, execution);
    return execution;
  }
}
