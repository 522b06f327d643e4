/**
 * Waits for a promise, but no longer than until the signal aborts: a `fetch` that ignores its signal must not hold a
 * turn up. What the promise gives afterwards goes to `onLate`.
 *
 * @throws the signal's reason.
 */
export function untilAborted<T>(
  promise: PromiseLike<T>,
  signal: AbortSignal,
  onLate: (value: T) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener('abort', stop);
        if (signal.aborted) onLate(value);
        resolve(value);
      },
      (error) => {
        signal.removeEventListener('abort', stop);
        reject(error);
      },
    );
  });
}
