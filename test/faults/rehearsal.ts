import type { Turn, TurnEvent } from 'code-execution-kit';
import { expect } from 'vitest';
import type { Result, World } from './row.ts';
import { enterScene } from './scene.ts';
import type { Exchange } from './tap.ts';

/** A turn that nothing disturbs: what the variants of a row are counted by. */
export interface Rehearsal {
  readonly turn: Turn;
  readonly exchanges: readonly Exchange[];
  readonly events: readonly TurnEvent[];
}

const rehearsals = new Map<unknown, Promise<Rehearsal>>();

/** Plays a world without its faults, once for each script. */
export function rehearse(world: World): Promise<Rehearsal> {
  const known = rehearsals.get(world.script) ?? play({ ...world, faults: [] });
  rehearsals.set(world.script, known);
  return known;
}

async function play(world: World): Promise<Rehearsal> {
  const scene = await enterScene(world);
  const events: TurnEvent[] = [];
  const turn = (await scene.run({ onEvent: (event) => void events.push(structuredClone(event)) })) as Turn;
  expect(turn.outcome).toBe('completed');
  return { turn, exchanges: scene.tap.exchanges, events };
}

/** Each place of a stream: after so many events of that response. */
export const placesOf = ({ exchanges }: Rehearsal) =>
  exchanges.flatMap(({ events }, response) => events.map((_, after) => ({ response, after })));

/** What a turn did, without the ids, which are counted on where something is asked for again. */
export function factsOf(result: Result) {
  const { executions, text, answer, artifacts, outcome } = result as Turn;
  return {
    executions: executions.map(({ kind, status, stdout, stderr, returnCode, files }) => ({
      ...{ kind, status, stdout, stderr, returnCode },
      files: files.length,
    })),
    artifacts: artifacts.map(({ name, mimeType, sizeBytes }) => ({ name, mimeType, sizeBytes })),
    text,
    answer,
    outcome,
  };
}
