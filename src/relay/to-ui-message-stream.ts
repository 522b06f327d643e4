import { assertInput, typed } from '../errors.ts';
import type { Turn } from '../turn/turn.ts';
import { assertRelay, liveResponse, type RelayedTurn, type ToResponseOptions } from './relay-turn.ts';
import { isLast, type SentEvent } from './sent-event.ts';
import { type UIChunkOptions, UIChunks } from './ui-chunks.ts';

/** Options of {@link toUIMessageStreamResponse}. */
export interface UIMessageStreamOptions<Parsed = unknown>
  extends Omit<ToResponseOptions<Parsed>, 'onTurn' | 'store' | 'key' | 'raw'>,
    UIChunkOptions {
  /** Awaited before the last chunk, as `onTurn` of `toResponse`: save the turn here. */
  readonly onFinish?: ((turn: Turn<Parsed>) => unknown) | undefined;
}

/**
 * The turn as the AI SDK's UI message stream (version 1), for `useChat` and the components made for it.
 * Claude's code shows as dynamic tools that the provider ran: the source while it is written, then output or
 * error. Files are `file` parts where `fileUrl` gives their address, and always `data-artifact`;
 * `data-notice`, `data-usage` and `data-pause` are the rest.
 *
 * A tool of yours that ran on the server has the output `null`: its result went to Claude. A turn that
 * waits for results of your tools ends with the finish reason `tool-calls`.
 *
 * @throws {InvalidInputError} for options of wrong form.
 *
 * @example
 * ```ts
 * const stream = streamTurn(client, params);
 * return toUIMessageStreamResponse(stream, { fileUrl: ({ fileId }) => `/files/${fileId}` });
 * ```
 */
export function toUIMessageStreamResponse<Parsed>(
  stream: RelayedTurn<Parsed>,
  options: UIMessageStreamOptions<Parsed> = {},
): Response {
  return typed('toUIMessageStreamResponse', () => {
    const { onFinish, fileUrl, messageId } = options;
    assertInput(
      fileUrl === undefined || typeof fileUrl === 'function',
      'fileUrl must be a function',
      fileUrl,
    );
    const relayed = { ...options, onTurn: onFinish, store: undefined, key: undefined, raw: true };
    assertRelay(stream, relayed);
    const chunks = new UIChunks({ fileUrl, messageId });
    const encode = ({ event }: SentEvent) => {
      const lines = chunks.of(event).map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
      return lines.join('') + (isLast(event) ? 'data: [DONE]\n\n' : '');
    };
    return liveResponse(stream, relayed, { encode, headers: { 'x-vercel-ai-ui-message-stream': 'v1' } });
  });
}
