import { InvalidInputError } from '../errors.ts';
import { describe } from '../sdk/client.ts';
import { isBlock, isExecutionCall, isExecutionResult, isRecord, type ResultBlock } from '../wire/blocks.ts';
import { type Artifact, artifactsOfExecutions } from './artifact.ts';
import { type Execution, executionWithoutCall, finishedExecution, pendingExecution } from './execution.ts';

/**
 * Anything with `content` blocks: a message of the SDK, blocking or streamed, a batch result's message, a message of
 * a stored history. Texts and unknown blocks are passed over.
 */
export interface ContentSource {
  readonly content: unknown;
  readonly role?: unknown;
}

/**
 * The executions of one message or of several in order, with calls and results paired by id over all of them. A call
 * without a result is `pending`; a result whose call is not in the source has `call: null`.
 *
 * `responseIndex` counts the messages of the assistant.
 *
 * @throws {InvalidInputError} for what is neither a message nor a list.
 *
 * @example
 * ```ts
 * const message = await client.messages.create(params);
 * for (const { kind, status, stdout } of executionsOf(message)) console.log(kind, status, stdout);
 * ```
 */
export function executionsOf(source: ContentSource | Iterable<ContentSource>): Execution[] {
  const executions = new Map<string, Execution>();
  let responseIndex = 0;
  for (const { content, role } of sourcesIn(source)) {
    if (role !== undefined && role !== 'assistant') continue;
    for (const block of Array.isArray(content) ? content : []) {
      if (!isBlock(block)) continue;
      if (isExecutionCall(block)) {
        const pending = pendingExecution({ call: block, responseIndex });
        const early = executions.get(block.id)?.result as ResultBlock | null | undefined;
        executions.set(block.id, early ? finishedExecution(pending, early) : pending);
      } else if (isExecutionResult(block)) {
        const known = executions.get(block.tool_use_id);
        executions.set(
          block.tool_use_id,
          known?.call ? finishedExecution(known, block) : executionWithoutCall(block, responseIndex),
        );
      }
    }
    responseIndex++;
  }
  return [...executions.values()];
}

/**
 * The files that executions produced, from all kinds of results, in order and each once.
 *
 * @example
 * ```ts
 * const files = await describeArtifacts(client, artifactsOf(message));
 * ```
 */
export function artifactsOf(source: ContentSource | Iterable<ContentSource>): Artifact[] {
  return artifactsOfExecutions(executionsOf(source));
}

function* sourcesIn(source: ContentSource | Iterable<ContentSource>): Iterable<ContentSource> {
  if (isRecord(source) && !(Symbol.iterator in source)) {
    yield source as unknown as ContentSource;
    return;
  }
  if (typeof source !== 'object' || source === null) {
    throw new InvalidInputError(
      `A message with \`content\`, or a list of them, is needed; got ${describe(source)}.`,
    );
  }
  for (const one of source as Iterable<ContentSource>) if (isRecord(one)) yield one;
}
