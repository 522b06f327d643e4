import {
  CodeExecutionError,
  type InterruptionCode,
  TurnInterruptedError,
  TurnLimitError,
} from '../errors.ts';
import { hasFiles, type MessagesClient } from '../request/client.ts';
import { requestedContainerId } from '../request/container.ts';
import { fetchFileMetadata } from '../request/file-metadata.ts';
import { nextParams } from '../request/next-params.ts';
import { inertUploads, type RequestParams } from '../request/params.ts';
import { sendMessage } from '../request/send.ts';
import type { Message } from '../wire/blocks.ts';
import { readResponse } from '../wire/read-response.ts';
import { StreamFailure } from '../wire/stream-failure.ts';
import { describedArtifact } from './artifact.ts';
import type { UnnumberedEvent } from './events.ts';
import type { ResolvedTurnOptions } from './options.ts';
import { outcomeOf, type Turn, type TurnState } from './state.ts';
import { TurnTranslator } from './translate.ts';

/** What a turn is run with. */
export interface TurnRun {
  readonly client: MessagesClient;
  readonly params: RequestParams;
  readonly options: ResolvedTurnOptions;
  readonly signal: AbortSignal;
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
    noticeInertUploads(run);
    let params = run.params;
    for (let pauses = 0; ; pauses++) {
      yield* exchange(run, params, translator, responses);
      const response = responses.at(-1) as Message;
      const next = nextParams(params, response);
      if (!next) return await endTurn(run, params, responses);
      run.emit({ type: 'pause', responseIndex: pauses });
      if (pauses >= run.options.maxPauses) throw limitReached(run, next, responses);
      params = next;
      yield;
    }
  } catch (error) {
    throw failTurn(error, run, responses, translator);
  }
}

/** One request and its response. The message is appended once `message_stop` proved that it is whole. */
async function* exchange(
  { client, options, signal, readState }: TurnRun,
  params: RequestParams,
  translator: TurnTranslator,
  responses: Message[],
): AsyncGenerator<void, void> {
  signal.throwIfAborted();
  translator.beginResponse({
    responseIndex: readState().responseCount,
    requestedContainer: requestedContainerId(params.container),
  });
  const response = await sendMessage(client, params, {
    retries: options.retries,
    signal,
    request: options.request,
  });
  const batches = readResponse(response, { ...options, signal, maxBytes: options.maxTurnBytes });
  for await (const batch of batches) {
    for (const event of batch) translator.push(event);
    yield;
    if (translator.stopped) break;
  }
  const { message } = translator;
  if (!message || !translator.stopped) {
    throw new StreamFailure(
      message
        ? `The stream of ${message.id} ended before message_stop: what came is incomplete.`
        : 'The response ended before it began: no message_start came.',
      { code: 'stream_cut', requestId: response.headers.get('request-id') },
    );
  }
  responses.push(message);
}

async function endTurn(run: TurnRun, params: RequestParams, responses: Message[]): Promise<Turn> {
  if (run.options.describe) await describeArtifactsOf(run);
  noticeFilesNotCaptured(run);
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

/** Names and sizes are a courtesy: a turn that cost minutes does not fail for them. */
async function describeArtifactsOf({ client, options, emit, readState }: TurnRun): Promise<void> {
  const { artifacts } = readState();
  if (artifacts.length === 0 || !hasFiles(client)) return;
  try {
    const ids = artifacts.map(({ fileId }) => fileId);
    const files = await fetchFileMetadata(client, ids, options.request);
    for (const artifact of artifacts) {
      emit({ type: 'artifact', artifact: describedArtifact(artifact, files.get(artifact.fileId)) });
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `Names and sizes of ${artifacts.length} artifacts could not be looked up (${reason}). Use describeArtifacts.`;
    emit({ type: 'notice', notice: { code: 'describe-failed', message } });
  }
}

function noticeInertUploads({ params, emit }: TurnRun): void {
  const inert = inertUploads(params);
  if (inert.length === 0) return;
  const message =
    `${inert.join(', ')}: uploaded in an earlier message, so a fresh container will not have it. Repeat the ` +
    'containerUpload in the newest user message, or hand on the container of the earlier turn.';
  emit({ type: 'notice', notice: { code: 'inert-upload', message } });
}

function noticeFilesNotCaptured({ emit, readState }: TurnRun): void {
  const { executions, artifacts } = readState();
  const created = executions.filter(({ kind, status }) => kind === 'create' && status === 'succeeded');
  if (created.length === 0 || artifacts.length > 0) return;
  const paths = created.map((execution) => execution.kind === 'create' && execution.path);
  const message =
    `The text editor wrote ${paths.join(', ')}, and no file was captured: only files that a command leaves in its ` +
    '$OUTPUT_DIR are. Add artifactInstructions() to the system text.';
  emit({ type: 'notice', notice: { code: 'files-not-captured', message } });
}

function limitReached(
  { options, readState }: TurnRun,
  next: RequestParams,
  responses: readonly Message[],
): TurnLimitError {
  const turn = { ...turnOf(readState(), next, responses), messages: next.messages, stopReason: 'pause_turn' };
  return new TurnLimitError(
    `The turn paused ${options.maxPauses + 1} times and maxPauses is ${options.maxPauses}. It is not finished: raise ` +
      'maxPauses, or continue it by sending error.turn.messages with error.turn.container.',
    { limit: 'maxPauses', turn },
  );
}

/** Ends the events with a `turn-error`, and makes what is thrown: with everything received, wherever anything was. */
function failTurn(
  error: unknown,
  run: TurnRun,
  responses: readonly Message[],
  translator: TurnTranslator,
): unknown {
  const { message } = translator;
  const received = message && responses.at(-1) !== message ? [...responses, message] : [...responses];
  const failure = failureOf(error, run.signal, received.length);
  run.emit({
    type: 'turn-error',
    code: failure.code,
    message: failure.message,
    retryable: failure.retryable,
  });
  if (!failure.interrupts) return error;
  return new TurnInterruptedError(failure.message, {
    ...failure,
    code: failure.code as InterruptionCode,
    state: run.readState(),
    responses: received,
  });
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly requestId: string | null;
  readonly cause: unknown;
  /** Whether it is thrown as a `TurnInterruptedError`; else the error itself is. */
  readonly interrupts: boolean;
}

function failureOf(error: unknown, signal: AbortSignal, responses: number): Failure {
  const { code, type, name, message, retryable, requestID } = (error ?? {}) as Record<string, unknown>;
  const reason = typeof message === 'string' ? message : String(error);
  const facts = {
    message: reason,
    retryable: retryable === true,
    requestId: typeof requestID === 'string' ? requestID : null,
    cause: error,
  };
  if (signal.aborted) {
    return {
      ...facts,
      code: 'aborted',
      message: 'The turn was aborted.',
      cause: signal.reason,
      interrupts: true,
    };
  }
  if (error instanceof StreamFailure) {
    return { ...facts, code: error.code, requestId: error.requestId, cause: error.cause, interrupts: true };
  }
  // Errors of the SDK pass through as they are while there is nothing to lose; they name their kind in `type`.
  if (error instanceof CodeExecutionError || responses === 0) {
    return { ...facts, code: String(code ?? type ?? name ?? 'unknown_error'), interrupts: false };
  }
  const after = `after ${responses} response${responses === 1 ? '' : 's'} of the turn`;
  return {
    ...facts,
    code: 'request_failed',
    message: `The request ${after} failed: ${reason}`,
    interrupts: true,
  };
}
