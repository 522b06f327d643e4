import { expect } from 'vitest';
import type { Measured, ProcessRow, Range, Row } from './row.ts';
import { enterScene, outcomeOf, postsOfSdk } from './scene.ts';

/** Does everything that a row says, and tells what came of it. Throws where anything was lost. */
export async function measure(row: Row | ProcessRow): Promise<Measured> {
  if ('measure' in row) return row.measure();
  const posts: number[] = [];
  const sdk: number[] = [];
  const blocks: number[] = [];
  const outcomes = new Set<string>();
  for (let variant = 0; variant < (row.variants ?? 1); variant++) {
    const scene = await enterScene(await row.world(variant));
    const result = await (row.play ?? (({ run }) => run()))(scene, variant);
    await row.also?.(result, scene, variant);
    outcomes.add(outcomeOf(result));
    posts.push(scene.tap.posts);
    blocks.push(scene.tap.blocks.length);
    if (row.sdk !== null) sdk.push(await postsOfSdk(await row.world(variant)));
  }
  return {
    posts: rangeOf(posts),
    sdk: row.sdk === null ? null : rangeOf(sdk),
    outcome: outcomes.size === 1 ? [...outcomes].join() : [...outcomes],
    blocks: rangeOf(blocks),
  };
}

/** Holds what was measured against what the row says. */
export function assertRow(row: Row | ProcessRow, measured: Measured): void {
  const { posts, sdk, outcome, blocks } = row;
  expect(measured, JSON.stringify(measured)).toEqual({ posts, sdk, outcome, blocks });
}

function rangeOf(numbers: readonly number[]): Range {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return least === most ? least : [least, most];
}
