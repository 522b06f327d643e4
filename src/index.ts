export {
  CodeExecutionError,
  type CodeExecutionErrorOptions,
  InvalidInputError,
  isCodeExecutionError,
  isInvalidInputError,
} from './errors.ts';
export { type DeletedResult, type DeleteOptions, deleteFiles } from './files/delete-files.ts';
export { describeArtifacts } from './files/download/describe-artifacts.ts';
export {
  type DownloadedArtifact,
  type DownloadOptions,
  downloadArtifact,
  type ReadOptions,
} from './files/download/download-artifact.ts';
export {
  type ArtifactInput,
  type ArtifactSink,
  type PipedArtifact,
  pipeArtifacts,
} from './files/download/pipe-artifacts.ts';
export type { ArtifactProgress } from './files/download/progress.ts';
export type { PipelineOptions } from './files/download/transfer.ts';
export {
  type ArrivedArtifact,
  ArtifactError,
  type ArtifactErrorCode,
  type FailedArtifact,
  type FailedUpload,
  type ForeignAnswer,
  isArtifactError,
  isUploadError,
  UploadError,
} from './files/errors.ts';
export { type UploadAllOptions, uploadAll } from './files/upload/upload-all.ts';
export { type UploadFileOptions, type UploadSource, uploadFile } from './files/upload/upload-file.ts';
export type { UploadNotice, UploadOptions } from './files/upload/upload-options.ts';
export type {
  SpanAttributes,
  TracingContext,
  TracingSpan,
  TracingTracer,
  TurnTracing,
} from './observe/tracing.ts';
export {
  type CheckedHistory,
  type CheckHistoryOptions,
  checkHistory,
  type HistoryFinding,
  type HistoryFindingCode,
} from './request/check-history.ts';
export { Container, type ContainerInput, type ContainerSource, containerOf } from './request/container.ts';
export { artifactInstructions, containerUpload, type FileReference, userMessage } from './request/content.ts';
export { contentBlockFor } from './request/content-block-for.ts';
export { type ContinuableResponse, type NextParamsOptions, nextParams } from './request/next-params.ts';
export type { OutputFormat } from './request/output-format.ts';
export type { TurnParams } from './request/params.ts';
export type { Prefix } from './request/prefix.ts';
export type { RunnableTool } from './request/runnable-tools.ts';
export {
  type AnthropicSkillId,
  type SkillId,
  type SkillOptions,
  type SkillReference,
  skill,
} from './request/skill.ts';
export {
  type CodeExecutionToolOptions,
  type CodeExecutionVersion,
  codeExecutionTool,
} from './request/tools.ts';
export { readCheckpoint } from './run/checkpoint.ts';
export {
  ContainerLostError,
  type InterruptionCode,
  isContainerLostError,
  isTurnInterruptedError,
  isTurnLimitError,
  TurnInterruptedError,
  TurnLimitError,
} from './run/errors.ts';
export type { TurnOptions } from './run/options.ts';
export {
  isStdoutError,
  parseStdout,
  type StandardSchema,
  StdoutError,
  type StdoutIssue,
} from './run/parse-stdout.ts';
export { type ResumeOptions, resumeTurn } from './run/resume-turn.ts';
export { runTurn, streamTurn } from './run/run-turn.ts';
export { type TurnEventSource, type TurnEventsOptions, turnEvents } from './run/turn-events.ts';
export type { TurnStream } from './run/turn-stream.ts';
export type { FilesClient, MessagesClient } from './sdk/client.ts';
export { isPrefixMismatch } from './sdk/failures.ts';
export { isRedirectError, RedirectError } from './sdk/redirects.ts';
export { createSession, type SessionOptions } from './session/create-session.ts';
export type { SessionDefaults } from './session/next-turn.ts';
export type {
  Session,
  SessionForkOptions,
  SessionResumeOptions,
  SessionRunOptions,
  SessionTurnOptions,
} from './session/session.ts';
export type { SessionSnapshot, SessionTurn, SessionUsage } from './session/snapshot.ts';
export type { Artifact } from './turn/artifact.ts';
export type { ContainerChange, SourceField, TurnEvent } from './turn/events.ts';
export type {
  BashExecution,
  Caller,
  CreateExecution,
  Execution,
  ExecutionErrorCode,
  ExecutionKind,
  ExecutionStatus,
  PythonExecution,
  ReplaceExecution,
  UnknownExecution,
  ViewExecution,
} from './turn/execution.ts';
export { artifactsOf, type ContentSource, executionsOf } from './turn/executions-of.ts';
export type { Spent, TurnLimits } from './turn/limits.ts';
export { reduceTurn } from './turn/reduce.ts';
export {
  type Exchange,
  initialTurnState,
  type Notice,
  type Outcome,
  type ServerToolUse,
  type ToolUse,
  type TurnFailure,
  type TurnPart,
  type TurnState,
  type UnfinishedOutcome,
} from './turn/state.ts';
export type {
  Checkpoint,
  FinishedTurn,
  RequestParams,
  StoredMessage,
  StoredState,
  Turn,
  UnfinishedTurn,
} from './turn/turn.ts';
export { type TurnFromOptions, turnFrom } from './turn/turn-from.ts';
export type { ResponseUsage, TurnUsage } from './turn/usage.ts';
export { withoutRaw } from './turn/without-raw.ts';
export type { ContainerData, SkillData } from './wire/container.ts';
