import { CodeExecutionError } from '../../errors.ts';

/**
 * The emulator was used in a way that a test should hear of. `.code`: `script_left_over`,
 * `script_failed`, `sandbox_missing`, `sandbox_file`, `sandbox_failed`,
 * `faults_left_over`, `not_node`, `cannot_listen`; of recordings `fixtures_exist`,
 * `fixtures_missing`, `fixture_damaged`, `fixture_not_written`, `secret_left`,
 * `fixtures_left_over`.
 */
export class EmulatorError extends CodeExecutionError {
  override readonly name = 'EmulatorError';
}
