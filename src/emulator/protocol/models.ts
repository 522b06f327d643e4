import { ApiFailure } from './http.ts';

/** A model as the Models endpoint lists it. */
export interface EmulatedModel {
  readonly id: string;
  readonly name: string;
  readonly line: string;
  readonly released: string;
}

/**
 * Models of the SDK's types and of the documentation that take the code execution tool, in November 2026.
 * Sonnet 4.5 (until 30 Nov 2026), Opus 4.5 (until 22 Jan 2027) and older ones are left out.
 */
const MODELS: readonly EmulatedModel[] = (
  [
    ['claude-fable-5-2', 'Claude Fable 5.2', 'fable', '2026-11-09'],
    ['claude-mythos-5-2', 'Claude Mythos 5.2', 'mythos', '2026-11-09'],
    ['claude-haiku-5-5', 'Claude Haiku 5.5', 'haiku', '2026-10-07'],
    ['claude-sonnet-5-5', 'Claude Sonnet 5.5', 'sonnet', '2026-09-28'],
    ['claude-opus-5-5', 'Claude Opus 5.5', 'opus', '2026-09-22'],
    ['claude-fable-5-1', 'Claude Fable 5.1', 'fable', '2026-09-01'],
    ['claude-mythos-5-1', 'Claude Mythos 5.1', 'mythos', '2026-09-01'],
    ['claude-sonnet-5', 'Claude Sonnet 5', 'sonnet', '2026-08-01'],
    ['claude-opus-5', 'Claude Opus 5', 'opus', '2026-07-24'],
    ['claude-fable-5', 'Claude Fable 5', 'fable', '2026-07-01'],
    ['claude-mythos-5', 'Claude Mythos 5', 'mythos', '2026-07-01'],
    ['claude-opus-4-8', 'Claude Opus 4.8', 'opus', '2026-06-01'],
    ['claude-opus-4-7', 'Claude Opus 4.7', 'opus', '2026-04-01'],
    ['claude-sonnet-4-6', 'Claude Sonnet 4.6', 'sonnet', '2026-02-17'],
    ['claude-opus-4-6', 'Claude Opus 4.6', 'opus', '2026-02-05'],
    ['claude-haiku-4-5-20251001', 'Claude Haiku 4.5', 'haiku', '2025-10-01'],
  ] as const
).map(([id, name, line, released]) => ({ id, name, line, released }));

/** Models whose thinking is not bound to what stands before it (documented). Later ones are taken to. */
const UNBOUND = /^claude-(?:3-|(?:opus|sonnet|haiku)-4(?:-|$)|(?:opus|sonnet|fable|mythos)-5$)/;

/** An alias is the id without its date. */
export const withoutDate = (id: string): string => id.replace(/-\d{8}$/, '');

export const bindsThinking = (model: string): boolean => !UNBOUND.test(model);

/** The models that an emulator serves. */
export class Models {
  readonly all: readonly EmulatedModel[];
  readonly #takesAny: boolean;

  constructor(option: readonly string[] | 'any' = MODELS.map(({ id }) => id)) {
    this.#takesAny = option === 'any';
    this.all = option === 'any' ? MODELS : option.map(modelOf);
  }

  find(id: string): EmulatedModel | undefined {
    return this.all.find((one) => one.id === id || withoutDate(one.id) === id);
  }

  /** @throws {ApiFailure} 404 for one that is not served; the API says no more than its first words. */
  check(id: string): void {
    if (this.#takesAny || this.find(id)) return;
    const known = this.all.map((one) => one.id).join(', ');
    throw new ApiFailure(
      404,
      'not_found_error',
      `model: ${id} (emulator: known are ${known}. createEmulator({ models: ['${id}'] }) or { models: 'any' } takes others.)`,
    );
  }
}

function modelOf(id: string): EmulatedModel {
  const known = MODELS.find((one) => one.id === id || withoutDate(one.id) === id);
  return known ? { ...known, id } : { id, name: id, line: id.split('-')[1] ?? id, released: '2026-01-01' };
}
