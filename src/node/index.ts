export { type FileStore, fileStore } from './file-store.ts';
export { type SavedArtifact, type SaveOptions, saveArtifacts } from './save-artifacts.ts';
export type { UploadProgress } from './upload-form.ts';
export { type UploadPathOptions, uploadPath } from './upload-path.ts';
export {
  type SkillsClient,
  type UploadedSkill,
  type UploadSkillOptions,
  uploadSkill,
} from './upload-skill.ts';
export { type StreamSource, type UploadStreamOptions, uploadStream } from './upload-stream.ts';
