export { EmulatorError } from '../errors.ts';
export {
  createEmulator,
  type Emulator,
  type EmulatorFile,
  type EmulatorOptions,
  type RecordedRequest,
} from './create-emulator.ts';
export { bash, type LastResult, pause, python, type ScriptedText, type Step, say, stop } from './script.ts';
