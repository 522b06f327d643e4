import * as z from 'zod/v4-mini';
import {
  checkpointSchema,
  containerSchema,
  exchangeSchema,
  storedMessage,
  timesSchema,
} from '../turn/schemas.ts';

export { damageIn } from '../turn/schemas.ts';

const index = () => z.int().check(z.minimum(0));

/** What a session relies on; the rest passes as it is. */
export const snapshotSchema = () =>
  z.looseObject({
    revision: index(),
    prefix: z.nullable(
      z.looseObject({
        model: z.string(),
        system: z.nullable(z.union([z.string(), z.array(z.looseObject({}))])),
        tools: z.array(z.looseObject({})),
        skills: z.array(z.looseObject({})),
      }),
    ),
    messages: z.array(storedMessage()),
    container: z.nullable(containerSchema()),
    turns: z.array(
      z.looseObject({
        firstMessage: z.nullable(index()),
        exchanges: z.array(exchangeSchema()),
        container: z.nullable(containerSchema()),
        executions: z.array(timesSchema()),
      }),
    ),
    unfinished: z.nullable(checkpointSchema()),
  });
