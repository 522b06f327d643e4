import { typed } from '../errors.ts';
import { isBlock, isExecutionCall, isExecutionResult } from '../wire/blocks.ts';
import { type Artifact, listedArtifact } from './artifact.ts';
import { type Execution, pendingExecution } from './execution.ts';
import { Pairing } from './pairing.ts';
import { messagesIn, type Source } from './sources.ts';

/**
 * Anything with `content` blocks: a message of the SDK, blocking or streamed, a batch
 * result's message, a message of a stored history. Texts and unknown blocks are passed over.
 */
export interface ContentSource {
  readonly content: unknown;
  readonly role?: unknown;
}

/**
 * The executions of one message or of several in order, with calls and results paired by id over all of
 * them. A call without a result is `pending`; a result whose call is not in the source has `call: null`.
 *
 * `responseIndex` and `resultIndex` count the messages of the assistant.
 *
 * Also read are `message.content`, a line of a batch's results, lists of these, and each as JSON text or JSON
 * Lines; messages of LangChain, and rows that keep their content as JSON. A line that is `errored`,
 * `expired` or `canceled` has no message and so no executions: its `result.type` says so.
 *
 * @throws {InvalidInputError} with the cure, for what has no content: a promise, a stream, a turn (which has
 * `executions` itself), results and messages of the AI SDK, events of a stream.
 *
 * @example
 * ```ts
 * const message = await client.messages.create(params);
 * for (const { kind, status, stdout } of executionsOf(message)) console.log(kind, status, stdout);
 * ```
 */
export function executionsOf(source: Source<ContentSource>): Execution[] {
  return typed('executionsOf', () => executionsIn(source, 'executionsOf'));
}

function executionsIn(source: unknown, caller: string): Execution[] {
  const pairing = new Pairing();
  let responseIndex = 0;
  for (const { content, role } of messagesIn(source, caller)) {
    if (role !== undefined && role !== 'assistant') continue;
    for (const block of Array.isArray(content) ? content : []) {
      if (!isBlock(block)) continue;
      const result = isExecutionCall(block)
        ? pairing.begin(pendingExecution({ call: block, responseIndex }))
        : isExecutionResult(block) && block;
      if (result) pairing.end({ result, resultIndex: responseIndex });
    }
    responseIndex++;
  }
  return pairing.executions;
}

/**
 * The files that executions produced, from all kinds of results, in order and each once.
 * Takes what {@link executionsOf} takes.
 *
 * @example
 * ```ts
 * const files = await describeArtifacts(client, artifactsOf(message));
 * ```
 */
export function artifactsOf(source: Source<ContentSource>): Artifact[] {
  return typed('artifactsOf', () => {
    const artifacts = new Map<string, Artifact>();
    for (const { id, files, resultIndex } of executionsIn(source, 'artifactsOf')) {
      for (const fileId of files) {
        const listed = listedArtifact({ fileId, executionId: id, responseIndex: resultIndex ?? 0 });
        if (!artifacts.has(fileId)) artifacts.set(fileId, listed);
      }
    }
    return [...artifacts.values()];
  });
}
