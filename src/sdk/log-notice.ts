import { attempt } from '../errors.ts';
import { ownerOf } from './client.ts';

/** Levels of the SDK's `logLevel` that admit warnings. */
const ADMITTING = ['warn', 'info', 'debug'];

/** Notices whose message holds what Claude wrote, or what a listener said. Content is never logged. */
const WITH_CONTENT = ['files-not-captured', 'answer-not-parsed', 'listener-failed'];

/** The part of the SDK's client that logs. */
interface LoggingClient {
  readonly logLevel?: string;
  readonly logger?: { warn(message: string): unknown };
}

/** Gives a notice to the logger of the user's client, where its level admits warnings. Never throws. */
export function logNotice(
  client: unknown,
  { code, message }: { readonly code: string; readonly message: string },
): void {
  attempt(() => {
    const { logger, logLevel } = (ownerOf(client) ?? {}) as LoggingClient;
    if (!logger || !ADMITTING.includes(logLevel ?? 'off')) return;
    const text = WITH_CONTENT.includes(code) ? 'turn.notices has its message.' : message;
    const logged = logger.warn(`code-execution-kit: ${code}: ${text}`);
    // A logger that writes elsewhere may fail later.
    if (logged instanceof Promise) logged.catch(() => {});
  }, undefined);
}
