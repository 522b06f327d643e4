import { assertInput } from '../errors.ts';

/** @throws {InvalidInputError} for an option that is given and is no whole number within its range. */
export function assertWhole(
  option: string,
  value: number | undefined,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): void {
  const isRight = value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most);
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  assertInput(isRight, `${option} must be a whole number ${range}`, value);
}
