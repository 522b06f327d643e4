export {
  type ArrivedArtifact,
  ArtifactError,
  CodeExecutionError,
  type CodeExecutionErrorOptions,
  ContainerLostError,
  type FailedArtifact,
  type FailedUpload,
  type InterruptionCode,
  InvalidInputError,
  isArtifactError,
  isCodeExecutionError,
  isContainerLostError,
  isInvalidInputError,
  isStdoutError,
  isTurnInterruptedError,
  isTurnLimitError,
  isUploadError,
  StdoutError,
  type StdoutIssue,
  TurnInterruptedError,
  TurnLimitError,
  UploadError,
} from './errors.ts';
export { type DeletedResult, type DeleteOptions, deleteFiles } from './files/delete-files.ts';
export { describeArtifacts } from './files/download/describe-artifacts.ts';
export {
  type DownloadedArtifact,
  type DownloadOptions,
  type DownloadRetry,
  downloadArtifact,
  type ReadOptions,
} from './files/download/download-artifact.ts';
export {
  type ArtifactInput,
  type ArtifactSink,
  type PipedArtifact,
  pipeArtifacts,
} from './files/download/pipe-artifacts.ts';
export type { PipelineOptions } from './files/download/pipeline.ts';
export type { ArtifactProgress } from './files/download/progress.ts';
export { type UploadAllOptions, uploadAll } from './files/upload/upload-all.ts';
export { type UploadFileOptions, type UploadSource, uploadFile } from './files/upload/upload-file.ts';
export type { UploadNotice, UploadOptions } from './files/upload/upload-options.ts';
export {
  Container,
  type ContainerData,
  type ContainerInput,
  type ContainerSource,
  containerOf,
  type SkillData,
} from './request/container.ts';
export { artifactInstructions, containerUpload, type FileReference, userMessage } from './request/content.ts';
export { contentBlockFor } from './request/content-block-for.ts';
export { type ContinuableResponse, type NextParamsOptions, nextParams } from './request/next-params.ts';
export type { OutputFormat } from './request/output-format.ts';
export type { TurnParams } from './request/params.ts';
export type { RunnableTool } from './request/runnable-tools.ts';
export {
  type CodeExecutionToolOptions,
  type CodeExecutionVersion,
  codeExecutionTool,
} from './request/tools.ts';
export type { Spent, TurnLimits } from './run/limits.ts';
export type { TurnOptions } from './run/options.ts';
export { parseStdout, type StandardSchema } from './run/parse-stdout.ts';
export { type ResumeOptions, resumeTurn } from './run/resume-turn.ts';
export { runTurn, streamTurn } from './run/run-turn.ts';
export { type TurnEventSource, type TurnEventsOptions, turnEvents } from './run/turn-events.ts';
export type { TurnStream } from './run/turn-stream.ts';
export type { FilesClient, MessagesClient } from './sdk/client.ts';
export { createSession, type SessionOptions } from './session/create-session.ts';
export type { SessionDefaults } from './session/next-turn.ts';
export type {
  Session,
  SessionResumeOptions,
  SessionRunOptions,
  SessionTurnOptions,
} from './session/session.ts';
export type { SessionSnapshot, SessionUsage } from './session/snapshot.ts';
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
export { reduceTurn } from './turn/reduce.ts';
export {
  type Checkpoint,
  initialTurnState,
  type Notice,
  type Outcome,
  type ServerToolUse,
  type ToolUse,
  type Turn,
  type TurnFailure,
  type TurnPart,
  type TurnState,
} from './turn/state.ts';
export type { ResponseUsage, TurnUsage } from './turn/usage.ts';
