import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { behaviours } from './behaviours.ts';

// A run without a key must not look like one that passed.
if (!process.env['ANTHROPIC_API_KEY']) {
  throw new Error(
    'npx vitest run --project live asks the real API and needs ANTHROPIC_API_KEY. `npm run check` tries the same list with the emulator.',
  );
}
const model = process.env['LIVE_MODEL'] || 'claude-opus-5-5';

describe(`the real API, ${model}`, () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kit-live-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it.each(behaviours)('$name', ({ holds }) => holds({ client: new Anthropic(), model, folder }));
});
