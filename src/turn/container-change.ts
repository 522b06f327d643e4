import type { ContainerChange } from './events.ts';

/** How the container of a response relates to the one in its request; `undefined` where that is not known. */
export function containerChange(requested: string | null | undefined, id: string): ContainerChange {
  if (requested === undefined) return 'unknown';
  if (requested === null) return 'created';
  return requested === id ? 'reused' : 'changed';
}
