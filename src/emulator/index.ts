export type {
  Exchange,
  ExchangeBody,
  ExchangePart,
  ExchangeRequest,
  ExchangeResponse,
} from '../recording/exchange.ts';
export {
  type RecordableClient,
  type Recorder,
  type RecorderOptions,
  recorder,
} from '../recording/recorder.ts';
export type { Redact } from '../recording/redaction.ts';
export { type Replay, type ReplayOptions, replay } from '../recording/replay.ts';
export type { RateLimit } from './api/rate-limit.ts';
export type { EmulatorServer, ListenOptions } from './api/server.ts';
export {
  createEmulator,
  type Emulator,
  type EmulatorFile,
} from './create-emulator.ts';
export type { BatchItemFate, BatchItemScript, EmulatorOptions } from './emulator-options.ts';
export {
  cutAfter,
  delay,
  type Fault,
  type HttpErrorOptions,
  httpError,
  refuseConnection,
  sliceInto,
  stallAfter,
} from './faults.ts';
export { EmulatorError } from './protocol/emulator-error.ts';
export type { RecordedRequest } from './protocol/received-request.ts';
export type { WebPage, WebPages } from './response/web-pages.ts';
export { type CannedResult, cannedSandbox } from './sandbox/canned.ts';
export type {
  Sandbox,
  SandboxCommand,
  SandboxFactory,
  SandboxResult,
  SandboxTools,
  ToolCall,
  ToolReply,
} from './sandbox/sandbox.ts';
export { type SystemSandboxOptions, systemSandbox } from './sandbox/system.ts';
export {
  bash,
  type CommandStep,
  type Conversation,
  callTool,
  create,
  type DynamicScript,
  fails,
  inParallel,
  type LastResult,
  pause,
  python,
  refuse,
  replace,
  type ScriptedText,
  type SearchResult,
  type Step,
  say,
  search,
  stop,
  type ToolStep,
  think,
  view,
} from './script/words.ts';
export type { PrefixCheck } from './thinking/check-thinking.ts';
