/** What a thrown value says, whatever was thrown: it may not even be made a text. */
export function reasonOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return 'a value that cannot be shown was thrown';
  }
}
