export { type ArtifactResponseOptions, artifactResponse } from './artifact-response.ts';
export { isRelayError, RelayError, type RelayErrorCode } from './errors.ts';
export type { EventStore, StoredEvent } from './event-store.ts';
export type { EventStreamOptions } from './event-stream.ts';
export { type MemoryStoreOptions, memoryStore } from './memory-store.ts';
export { type ReadEventsOptions, type RelaySource, readEvents } from './read-events.ts';
export { type ResumeResponseOptions, resumeResponse } from './resume-response.ts';
export { type RelayedTurn, type ToResponseOptions, toResponse } from './to-response.ts';
