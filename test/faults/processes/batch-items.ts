import { type RunnableTool, userMessage } from 'code-execution-kit';
import type { BatchInput } from 'code-execution-kit/batch';

/** The run of 2,000 items, as its program and the emulator beside it both know it. */
export const COUNT = 2000;
export const MAX_BATCH_BYTES = 8_000_000;

export type Kind = 'plain' | 'refused' | 'overloaded' | 'expired' | 'canceled' | 'pause' | 'tool';

/** A tenth fails in each of four ways, 300 pause one to three times, and 100 call a tool. */
export function kindOf(customId: string): { readonly kind: Kind; readonly pauses: number } {
  const index = Number(customId.slice('item-'.length));
  const failing = (['refused', 'overloaded', 'expired', 'canceled'] as const)[index % 10];
  if (failing) return { kind: failing, pauses: 0 };
  const pauses = { 5: 1, 7: 2, 9: 3 }[index % 20];
  if (pauses) return { kind: 'pause', pauses };
  return { kind: index % 20 === 15 ? 'tool' : 'plain', pauses: 0 };
}

/** 12 kB each, so that the first round has several batches. */
const padding = 'abcdefghijkl'.repeat(1000);

export function paramsFor(customId: string): BatchInput['params'] {
  return {
    model: 'claude-opus-5-5',
    max_tokens: 1000,
    system: 'Be brief.',
    tools: [definition],
    messages: [userMessage(`${customId} ${padding}`)],
  };
}

export function* items(): Generator<BatchInput> {
  for (let index = 0; index < COUNT; index++) {
    const customId = `item-${index}`;
    yield { customId, params: paramsFor(customId) };
  }
}

const definition = {
  name: 'double',
  input_schema: { type: 'object' as const, properties: { n: { type: 'number' as const } } },
};

export const doubling = (onCall: () => void): RunnableTool =>
  ({
    ...definition,
    run({ n }: { n: number }) {
      onCall();
      return String(2 * n);
    },
  }) as never;
