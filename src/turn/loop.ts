import { TurnLimitError } from '../errors.ts';
import { hasFiles, type MessagesClient } from '../request/client.ts';
import { requestedContainerId } from '../request/container.ts';
import { fetchFileMetadata } from '../request/file-metadata.ts';
import { nextParams } from '../request/next-params.ts';
import { inertUploads, type RequestParams } from '../request/params.ts';
import { sendMessage } from '../request/send.ts';
import { untilAborted } from '../request/until-aborted.ts';
import type { Message } from '../wire/blocks.ts';
import { type ReadOptions, readResponse } from '../wire/read-response.ts';
import { type Artifact, describedArtifact } from './artifact.ts';
import type { UnnumberedEvent } from './events.ts';
import { failTurn } from './failure.ts';
import { filesNotCapturedNotice, inertUploadsNotice } from './notices.ts';
import type { ResolvedTurnOptions } from './options.ts';
import { outcomeOf, type Turn, type TurnState } from './state.ts';
import { TurnTranslator } from './translate.ts';

/** How long one look-up of names and sizes may take. */
const DESCRIBE_TIMEOUT_MS = 20_000;

/** What a turn is run with. */
export interface TurnRun {
  readonly client: MessagesClient;
  readonly params: RequestParams;
  readonly options: ResolvedTurnOptions;
  readonly signal: AbortSignal;
  /** Bytes that the responses of the turn may still have. */
  readonly budget: ReadOptions['budget'];
  /** Takes each event when it happens. */
  readonly emit: (event: UnnumberedEvent) => void;
  /** What the events so far fold to. */
  readonly readState: () => TurnState;
}

/**
 * The loop of a turn: send, read, and go on while the API pauses. Yields after each batch of events so that whoever
 * takes them sets the pace, and returns the turn.
 *
 * @throws {TurnLimitError} at `maxPauses`.
 * @throws {TurnInterruptedError} when the exchange breaks after something was received, and on abort.
 * @throws the SDK's error when the first request fails.
 *
 * Whatever it throws, a `turn-error` event came before.
 */
export async function* turnLoop(run: TurnRun): AsyncGenerator<void, Turn> {
  const responses: Message[] = [];
  const translator = new TurnTranslator(run.emit, run.readState());
  try {
    const inert = inertUploadsNotice(inertUploads(run.params));
    if (inert) run.emit({ type: 'notice', notice: inert });
    let params = run.params;
    for (let pauses = 0; ; pauses++) {
      yield* exchange(run, params, translator, responses);
      const response = responses.at(-1) as Message;
      const next = nextParams(params, response);
      if (!next) return await endTurn(run, params, translator, responses);
      run.emit({ type: 'pause', responseIndex: pauses });
      if (pauses >= run.options.maxPauses) throw limitReached(run, next, responses);
      params = next;
      yield;
    }
  } catch (error) {
    throw failTurn(error, { ...run, responses: [...responses], translator });
  }
}

/**
 * One request and its response, under a signal of its own: the SDK leaves a listener on the one that it is given, and a
 * turn may take many requests. The message is appended once `message_stop` proved that it is whole.
 */
async function* exchange(
  { client, options, signal, budget }: TurnRun,
  params: RequestParams,
  translator: TurnTranslator,
  responses: Message[],
): AsyncGenerator<void, void> {
  signal.throwIfAborted();
  const exchanged = new AbortController();
  const abort = () => exchanged.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    translator.beginResponse({
      responseIndex: responses.length,
      requestedContainer: requestedContainerId(params.container),
    });
    const { retries, request } = options;
    const response = await sendMessage(client, params, { retries, signal: exchanged.signal, request });
    const limits = { ...options, signal: exchanged.signal, budget };
    for await (const _ of readResponse(response, limits, (event) => translator.push(event))) {
      yield;
      // Whatever has arrived already: who aborts, also by leaving the loop, wants nothing more to be sent.
      signal.throwIfAborted();
      if (translator.stopped) break;
    }
    responses.push(translator.complete(response.headers.get('request-id')));
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function endTurn(
  run: TurnRun,
  params: RequestParams,
  translator: TurnTranslator,
  responses: Message[],
): Promise<Turn> {
  if (run.options.describe) await describeArtifactsOf(run, translator.artifacts);
  run.signal.throwIfAborted();
  const notCaptured = filesNotCapturedNotice(translator);
  if (notCaptured) run.emit({ type: 'notice', notice: notCaptured });
  const stopReason = responses.at(-1)?.stop_reason ?? null;
  run.emit({ type: 'turn-end', outcome: outcomeOf(stopReason), stopReason });
  return turnOf(run.readState(), params, responses);
}

function turnOf(state: TurnState, params: RequestParams, responses: readonly Message[]): Turn {
  const last = responses.at(-1);
  const { outcome = null, ...rest } = state;
  return {
    ...rest,
    status: 'ended',
    outcome: outcome ?? 'paused',
    responses: [...responses],
    messages: last ? [...params.messages, { role: 'assistant', content: last.content }] : params.messages,
  };
}

/** Names and sizes are a courtesy: a turn that cost minutes neither fails for them nor waits long. */
async function describeArtifactsOf(
  { client, options, signal, emit }: TurnRun,
  artifacts: readonly Artifact[],
): Promise<void> {
  if (artifacts.length === 0 || !hasFiles(client)) return;
  try {
    const ids = artifacts.map(({ fileId }) => fileId);
    const request = { timeout: DESCRIBE_TIMEOUT_MS, maxRetries: 1, ...options.request, signal };
    const files = await untilAborted(fetchFileMetadata(client, ids, request), signal);
    for (const artifact of artifacts) {
      emit({ type: 'artifact', artifact: describedArtifact(artifact, files.get(artifact.fileId)) });
    }
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    const message = `Names and sizes of ${artifacts.length} artifacts could not be looked up (${reason}). Use describeArtifacts.`;
    emit({ type: 'notice', notice: { code: 'describe-failed', message } });
  }
}

function limitReached(
  { options, readState }: TurnRun,
  next: RequestParams,
  responses: readonly Message[],
): TurnLimitError {
  const turn = { ...turnOf(readState(), next, responses), messages: next.messages, stopReason: 'pause_turn' };
  return new TurnLimitError(
    `The turn paused again after maxPauses (${options.maxPauses}) continuations. It is not finished: raise ` +
      'maxPauses, or continue it by sending error.turn.messages with error.turn.container.',
    { limit: 'maxPauses', turn },
  );
}
