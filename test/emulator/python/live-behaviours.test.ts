import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { createEmulator } from 'code-execution-kit/emulator';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { behaviours } from '../../live/behaviours.ts';

/**
 * The list that `npx vitest run --project live` tries with
 * the real API: where that one passes too, both do the same.
 */
describe('the emulator', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kit-behaviours-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it.each(behaviours)('$name', async ({ holds }) => {
    await using emulator = createEmulator();
    const client = new Anthropic({ apiKey: 'none', maxRetries: 0, fetch: emulator.fetch });
    await holds({ client, model: 'claude-opus-5-5', folder });
  });
});
