import { assertInput, InvalidInputError, quoted } from '../errors.ts';
import { isRecord } from '../wire/blocks.ts';
import { type BatchLedger, VERSION } from './ledger.ts';

/**
 * Checks a ledger, which may come from outside.
 *
 * @throws {InvalidInputError} naming the field.
 */
export async function checkedLedger(ledger: unknown): Promise<BatchLedger> {
  const rule = 'The ledger must be what createBatch gave, parsed from JSON';
  assertInput(isRecord(ledger), rule, ledger);
  if (ledger['version'] !== VERSION) {
    throw new InvalidInputError(
      `The ledger has version ${quoted(ledger['version'])}, and this package reads version ${VERSION}. ` +
        'Finish such runs with the release that began them.',
    );
  }
  const { damageInLedger } = await import('./ledger-schema.ts');
  const damage = damageInLedger(ledger);
  if (damage) throw new InvalidInputError(`The ledger is damaged: ${damage}.`);
  return ledger as unknown as BatchLedger;
}
