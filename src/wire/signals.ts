/** What a timer can hold, about 24 days; longer times are no limit at all. */
export const LONGEST_TIMER_MS = 2_147_483_647;

/** A signal of one's own that aborts with its parent, or alone. */
export interface OwnSignal {
  readonly signal: AbortSignal;
  readonly abort: (reason?: unknown) => void;
  /** Aborts after so long, with a reason that is made then. Gives what lifts the limit. */
  readonly limit: (milliseconds: number, reason: () => unknown) => () => void;
  /** To be called when the work is over: nothing is left on the parent, and no limit stands. */
  readonly release: () => void;
}

/** The signals that were made of a parent. */
interface Family {
  readonly children: Set<AbortController>;
  readonly abort: () => void;
}

const families = new WeakMap<AbortSignal, Family>();

/**
 * The one way to a signal of one's own. Each request adds listeners to its signal, and
 * Node warns of a leak where many share one; here a parent has a single listener, however
 * many calls share it. `AbortSignal.any` would do the same, but Vercel's edge VM has none.
 */
export function ownSignal(parent: AbortSignal | undefined): OwnSignal {
  const controller = new AbortController();
  const { signal } = controller;
  const abort = (reason?: unknown) => controller.abort(reason);
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const limit: OwnSignal['limit'] = (milliseconds, reason) => {
    if (milliseconds > LONGEST_TIMER_MS) return () => {};
    const timer = setTimeout(() => abort(reason()), milliseconds);
    timers.add(timer);
    return () => clearTimeout(timer);
  };
  const lift = () => timers.forEach((timer) => void clearTimeout(timer));
  if (!parent) return { signal, abort, limit, release: lift };
  if (parent.aborted) abort(parent.reason);
  const family = families.get(parent) ?? newFamily(parent);
  family.children.add(controller);
  const release = () => {
    lift();
    family.children.delete(controller);
    if (family.children.size > 0) return;
    parent.removeEventListener('abort', family.abort);
    families.delete(parent);
  };
  return { signal, abort, limit, release };
}

function newFamily(parent: AbortSignal): Family {
  const children = new Set<AbortController>();
  const abort = () => {
    for (const child of children) child.abort(parent.reason);
  };
  const family = { children, abort };
  families.set(parent, family);
  parent.addEventListener('abort', abort);
  return family;
}

/** Runs work under a signal of its own. */
export async function withOwnSignal<T>(
  parent: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, release } = ownSignal(parent);
  try {
    return await work(signal);
  } finally {
    release();
  }
}

/**
 * Waits for a promise, but no longer than until the signal aborts: a `fetch` that ignores
 * its signal must not hold a turn up. What the promise gives afterwards goes to `onLate`.
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

/** @throws the signal's reason. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const slept = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return untilAborted(slept, signal).finally(() => clearTimeout(timer));
}
