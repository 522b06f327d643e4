/** Where the bytes of a response come from. */
export interface BodySource {
  /** The next ones, or `undefined` at the end. */
  readonly next: () => Promise<Uint8Array | undefined>;
  /** Called when the client reads no further. */
  readonly cancel: (reason: unknown) => Promise<unknown>;
}

/**
 * A body that an abort breaks, as it breaks that of `fetch`.
 * Nothing is read ahead: the reader sets the pace of the script.
 */
export function bodyFrom({ next, cancel }: BodySource, signal: AbortSignal): ReadableStream<Uint8Array> {
  let stop = () => {};
  const end = () => signal.removeEventListener('abort', stop);
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        stop = () => {
          end();
          controller.error(signal.reason);
          cancel(signal.reason).catch(() => {});
        };
        signal.addEventListener('abort', stop);
        if (signal.aborted) stop();
      },
      async pull(controller) {
        try {
          const bytes = await next();
          if (signal.aborted) return;
          if (bytes) return controller.enqueue(bytes);
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        end();
      },
      async cancel(reason) {
        end();
        await cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
