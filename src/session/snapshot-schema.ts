import * as z from 'zod/v4-mini';
import { checkpointSchema, storedMessage } from '../turn/checkpoint-schema.ts';

const count = z.number().check(z.minimum(0));

/** What a session relies on; the rest passes as it is. */
export const snapshotSchema = z.looseObject({
  revision: z.int().check(z.minimum(0)),
  messages: z.array(storedMessage),
  container: z.nullable(
    z.looseObject({
      id: z.string().check(z.minLength(1)),
      expiresAt: z.nullable(
        z.string().check(z.refine((time) => !Number.isNaN(Date.parse(time)), 'Invalid time')),
      ),
      skills: z.array(z.looseObject({ skillId: z.string(), type: z.string(), version: z.string() })),
    }),
  ),
  usagePerTurn: z.array(
    z.looseObject({
      input_tokens: count,
      output_tokens: count,
      perResponse: z.array(z.looseObject({})),
      interrupted: z.array(z.looseObject({})),
    }),
  ),
  unfinished: z.nullable(checkpointSchema),
});
