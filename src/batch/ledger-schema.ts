import * as z from 'zod/v4-mini';
import { damageIn } from '../turn/schemas.ts';
import type { BatchLedger } from './ledger.ts';

const CUSTOM_ID = /^[a-zA-Z0-9_-]{1,64}$/;
const customId = () => z.string().check(z.regex(CUSTOM_ID));
/** All at once: a schema for each of 100,000 would take longer than to read their results (measured). */
const customIds = () =>
  z
    .array(z.unknown())
    .check(
      z.refine((ids) => ids.every((id) => typeof id === 'string' && CUSTOM_ID.test(id)), 'Invalid custom id'),
    );
const time = () => z.string().check(z.refine((at) => !Number.isNaN(Date.parse(at)), 'Invalid time'));
const content = () => ({
  items: z.array(z.looseObject({ shape: z.int().check(z.minimum(0)), customIds: customIds() })),
  restarted: customIds(),
});

const ledgerSchema = () =>
  z.looseObject({
    shapes: z.array(
      z.looseObject({
        model: z.string(),
        system: z.nullable(z.union([z.string(), z.array(z.looseObject({}))])),
        tools: z.array(z.looseObject({})),
        skills: z.array(z.looseObject({})),
      }),
    ),
    rounds: z.array(
      z.looseObject({
        batches: z.array(
          z.looseObject({
            // It becomes a part of a path.
            id: z.string().check(z.regex(/^[\w-]+$/)),
            at: time(),
            isAdopted: z.boolean(),
            ...content(),
          }),
        ),
        sending: z.nullable(
          z.looseObject({
            at: time(),
            count: z.int().check(z.minimum(1)),
            ...content(),
          }),
        ),
        isWhole: z.boolean(),
        answers: z.array(
          z.looseObject({
            customId: customId(),
            results: z.array(z.looseObject({ type: z.literal('tool_result'), tool_use_id: z.string() })),
          }),
        ),
        waiting: customIds(),
      }),
    ),
    notices: z.array(z.looseObject({ code: z.string(), message: z.string() })),
  });

/** What is wrong with a ledger; `undefined` for one that can be used. */
export function damageInLedger(ledger: unknown): string | undefined {
  const damage = damageIn(ledgerSchema(), ledger);
  if (damage) return damage;
  const { shapes, rounds } = ledger as BatchLedger;
  const sent = new Set<string>();
  for (const [index, { batches, sending, isWhole }] of rounds.entries()) {
    const place = `rounds.${index}`;
    const isLast = index === rounds.length - 1;
    if (!isLast && (sending || !isWhole)) return `${place}: a later round follows, and it is not whole`;
    const inRound = new Set<string>();
    for (const { shape, customIds } of [...batches, ...(sending ? [sending] : [])].flatMap(
      ({ items }) => items,
    )) {
      if (shape >= shapes.length) return `${place}: shape ${shape} is not in shapes`;
      for (const id of customIds) {
        if (inRound.has(id)) return `${place}: item ${id} is in it twice`;
        if (index > 0 && !sent.has(id)) return `${place}: item ${id} is not in the first round`;
        inRound.add(id);
        if (index === 0) sent.add(id);
      }
    }
  }
  return undefined;
}
