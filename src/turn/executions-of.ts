import { assertInput } from '../errors.ts';
import { isBlock, isExecutionCall, isExecutionResult, isRecord } from '../wire/blocks.ts';
import { type Artifact, listedArtifact } from './artifact.ts';
import { type Execution, pendingExecution } from './execution.ts';
import { Pairing } from './pairing.ts';

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
 * @throws {InvalidInputError} for what is neither a message nor a list.
 *
 * @example
 * ```ts
 * const message = await client.messages.create(params);
 * for (const { kind, status, stdout } of executionsOf(message)) console.log(kind, status, stdout);
 * ```
 */
export function executionsOf(source: ContentSource | Iterable<ContentSource>): Execution[] {
  const pairing = new Pairing();
  let responseIndex = 0;
  for (const { content, role } of sourcesIn(source)) {
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
 *
 * @example
 * ```ts
 * const files = await describeArtifacts(client, artifactsOf(message));
 * ```
 */
export function artifactsOf(source: ContentSource | Iterable<ContentSource>): Artifact[] {
  const artifacts = new Map<string, Artifact>();
  for (const { id, files, resultIndex } of executionsOf(source)) {
    for (const fileId of files) {
      const listed = listedArtifact({ fileId, executionId: id, responseIndex: resultIndex ?? 0 });
      if (!artifacts.has(fileId)) artifacts.set(fileId, listed);
    }
  }
  return [...artifacts.values()];
}

function* sourcesIn(source: ContentSource | Iterable<ContentSource>): Iterable<ContentSource> {
  if (isRecord(source) && !(Symbol.iterator in source)) {
    yield source as unknown as ContentSource;
    return;
  }
  const isList = typeof source === 'object' && source !== null;
  assertInput(isList, 'A message with `content`, or a list of them, is needed', source);
  for (const one of source as Iterable<ContentSource>) if (isRecord(one)) yield one;
}
