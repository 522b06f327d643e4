import { CodeExecutionError, type CodeExecutionErrorOptions, guardOf } from '../errors.ts';

/** Why events could not be relayed: see {@link RelayError}. */
export type RelayErrorCode =
  | 'relay_cut'
  | 'relay_refused'
  | 'event_damaged'
  | 'unknown_key'
  | 'events_gone'
  | 'key_closed'
  | 'store_failed'
  | 'reader_gone'
  | 'aborted';

/**
 * Events of a turn did not reach their reader. `.code`: `relay_cut` (the connection ended before the last
 * event, and could not be made again), `relay_refused` (the server answered with something other than
 * events; `.status` is its HTTP status), `event_damaged` (what came is no event: nothing of it was given),
 * `unknown_key` (the store has no such turn), `events_gone` (it has no longer all events after that offset),
 * `key_closed` (a turn that ended takes no more events), `store_failed` (the store broke its contract),
 * `reader_gone` (the reader took nothing for too long), `aborted` (by the caller's signal).
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (isRelayError(error) && error.code === 'events_gone') location.reload();
 * }
 * ```
 */
export class RelayError extends CodeExecutionError {
  override readonly name = 'RelayError';
  declare readonly code: RelayErrorCode;
  /** The HTTP status of a server that refused; else `null`. */
  readonly status: number | null;

  constructor(
    message: string,
    options: Omit<CodeExecutionErrorOptions, 'code'> & {
      readonly code: RelayErrorCode;
      readonly status?: number;
    },
  ) {
    super(message, options);
    this.status = options.status ?? null;
  }
}

/** True for a {@link RelayError}, also of another copy of this package. */
export const isRelayError = /* @__PURE__ */ guardOf<RelayError>('RelayError');
