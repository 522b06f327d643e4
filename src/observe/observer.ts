/** Watches a turn from outside, as a span does. */
export interface TurnObserver {
  /**
   * Called around each POST: what it makes active is active
   * while the request is sent and its headers are awaited.
   */
  readonly post: <T>(send: () => Promise<T>) => Promise<T>;
}

/** For a run that is not observed. */
export const UNOBSERVED: TurnObserver = { post: (send) => send() };
