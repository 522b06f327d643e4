import type { JSONOutputFormat, OutputConfig } from '@anthropic-ai/sdk/resources/messages';
import { assertInput } from '../errors.ts';
import type { AnswerParser } from '../turn/parse-answer.ts';
import { isRecord } from '../wire/blocks.ts';

/**
 * The form that the answer must have, as the SDK's helpers make it:
 * `zodOutputFormat`, `jsonSchemaOutputFormat`, `betaStandardSchemaOutputFormat`.
 * Without `parse` it is sent all the same, and nothing is parsed.
 */
export type OutputFormat<Parsed = unknown> = JSONOutputFormat & {
  /** Reads the answer; what it throws becomes a notice. */
  parse?(content: string): Parsed;
};

/** The SDK's `output_config`; `Parsed` is what its format reads. */
export type TurnOutputConfig<Parsed = unknown> = Omit<OutputConfig, 'format'> & {
  format?: OutputFormat<Parsed> | null | undefined;
};

/**
 * `output_config` as it is sent, and what reads the answer.
 * The function is never sent, nor put into a checkpoint.
 */
export function splitOutputConfig({ format, ...rest }: TurnOutputConfig): {
  readonly outputConfig: OutputConfig;
  readonly parse: AnswerParser | null;
} {
  if (format === undefined) return { outputConfig: rest, parse: null };
  if (format === null) return { outputConfig: { ...rest, format }, parse: null };
  const { parse: _, ...definition } = format;
  return { outputConfig: { ...rest, format: definition }, parse: parserOf(format) };
}

export function parserOf(format: OutputFormat | null | undefined): AnswerParser | null {
  return typeof format?.parse === 'function' ? (text) => format.parse?.(text) : null;
}

/** @throws {InvalidInputError} for a schema in the place of a format, and for what is neither. */
export function assertFormat(format: unknown, name: string): void {
  if (format === undefined || format === null) return;
  const isSchema = typeof format === 'function' || (isRecord(format) && '~standard' in format);
  const cure =
    'Make it with zodOutputFormat(schema) of @anthropic-ai/sdk/helpers/zod, or betaStandardSchemaOutputFormat(schema) ' +
    'of helpers/beta/standard-schema.';
  assertInput(isRecord(format) && !isSchema, `${name} must be a format, and no schema`, format, cure);
}
