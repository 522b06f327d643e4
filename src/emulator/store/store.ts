import { Ids } from '../protocol/ids.ts';
import type { SkillFiles } from '../protocol/skill-upload.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { LastResult } from '../script/words.ts';

/** A file of the Files API. */
export interface StoredFile {
  readonly id: string;
  readonly filename: string;
  readonly mimeType: string;
  readonly bytes: Uint8Array;
  readonly createdAt: Date;
  /** Only files that code produced can be downloaded. */
  readonly downloadable: boolean;
  /** Its content cannot be had from then on. */
  readonly expiresAt: Date | undefined;
}

/** One version of a skill of the account's own. */
export interface StoredSkillVersion {
  readonly id: string;
  readonly createdAt: Date;
  readonly description: string;
  readonly files: SkillFiles;
}

/** A skill of the account's own, with its versions, oldest first. */
export interface StoredSkill {
  readonly id: string;
  /** Of its folder in the sandbox. */
  readonly name: string;
  readonly displayName: string;
  readonly versions: StoredSkillVersion[];
}

/** A container and what is mounted in it. */
export interface StoredContainer {
  readonly id: string;
  readonly sandbox: Sandbox;
  /** `$INPUT_DIR` of its commands. */
  readonly inputDirectory: string;
  expiresAt: Date;
  /** Skills that lie in it, with their versions. */
  readonly mounted: Set<string>;
  /** What its last command did. */
  last?: LastResult;
}

/** A batch, and the results that are there. */
export interface StoredBatch {
  readonly id: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly customIds: readonly string[];
  readonly results: Map<string, { readonly type: string }>;
  endedAt: Date | undefined;
  cancelledAt: Date | undefined;
  /** Answers every item; called when the batch is first asked for, so that it can be cancelled before. */
  readonly start: () => Promise<void>;
  run: Promise<void> | undefined;
}

/** A conversation that the service holds. */
export interface StoredThread {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly messages: readonly object[];
}

/** What lies in the folders of Anthropic's skills, by id and path. */
export type AnthropicSkills = Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>>;

/** Everything that the emulated service remembers. */
export class Store {
  readonly ids = new Ids();
  readonly files = new Map<string, StoredFile>();
  readonly skills = new Map<string, StoredSkill>();
  readonly containers = new Map<string, StoredContainer>();
  readonly batches = new Map<string, StoredBatch>();
  /** Conversations of message threads, by the id of their newest reply. */
  readonly threads = new Map<string, StoredThread>();
  /** Outlines of conversations whose last response paused. */
  readonly paused = new Set<string>();
  readonly now: () => Date;
  readonly #anthropicSkills: AnthropicSkills;
  /** Grows when everything is forgotten. */
  generation = 0;

  constructor(now: () => Date, anthropicSkills: AnthropicSkills = {}) {
    this.now = now;
    this.#anthropicSkills = anthropicSkills;
  }

  /** The files of a skill of Anthropic's; what is in the real ones is not emulated. */
  anthropicSkill(id: string): SkillFiles {
    const stub = { 'SKILL.md': `---\nname: ${id}\n---\n\nThe emulator has no contents of this skill.\n` };
    const files = Object.entries(this.#anthropicSkills[id] ?? stub);
    const toBytes = (content: string | Uint8Array) =>
      typeof content === 'string' ? new TextEncoder().encode(content) : content;
    return new Map(files.map(([path, content]) => [path, toBytes(content)]));
  }

  addFile({
    lifetimeMs,
    ...file
  }: Omit<StoredFile, 'id' | 'createdAt' | 'expiresAt'> & {
    readonly lifetimeMs?: number | undefined;
  }): StoredFile {
    const createdAt = this.now();
    const expiresAt = lifetimeMs === undefined ? undefined : new Date(createdAt.getTime() + lifetimeMs);
    const stored = { ...file, id: this.ids.next('file'), createdAt, expiresAt };
    this.files.set(stored.id, stored);
    return stored;
  }

  /** Forgets every container; what they hold of the machine is free once this settles. */
  async loseContainers(): Promise<void> {
    this.generation++;
    const containers = [...this.containers.values()];
    this.containers.clear();
    await Promise.all(containers.map(({ sandbox }) => sandbox.close?.()));
  }

  async reset(): Promise<void> {
    const lost = this.loseContainers();
    this.ids.reset();
    this.files.clear();
    this.skills.clear();
    this.batches.clear();
    this.threads.clear();
    this.paused.clear();
    await lost;
  }
}
