export { type SavedArtifact, type SaveOptions, saveArtifacts } from './save-artifacts.ts';
export { type UploadPathOptions, uploadPath } from './upload-path.ts';
