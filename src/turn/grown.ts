import { isRecord } from '../wire/blocks.ts';
import type { SourceField } from './events.ts';
import type { Execution } from './execution.ts';

/** The source grows while it is written. Which editor command it is shows in the field, before the input is whole. */
export function grown(execution: Execution, field: SourceField, text: string): Execution {
  switch (execution.kind) {
    case 'python':
      return field === 'code' ? { ...execution, code: (execution.code ?? '') + text } : execution;
    case 'bash':
      return field === 'command' ? { ...execution, command: (execution.command ?? '') + text } : execution;
    case 'create':
      return field === 'file_text'
        ? { ...execution, fileText: (execution.fileText ?? '') + text }
        : execution;
    case 'replace':
      if (field === 'old_str') return { ...execution, oldText: (execution.oldText ?? '') + text };
      return field === 'new_str' ? { ...execution, newText: (execution.newText ?? '') + text } : execution;
    case 'unknown':
      return grownUnknown(execution, field, text);
    default:
      return execution;
  }
}

function grownUnknown(
  execution: Extract<Execution, { kind: 'unknown' }>,
  field: SourceField,
  text: string,
): Execution {
  const { input, ...base } = execution;
  if (execution.name === 'text_editor_code_execution') {
    if (field === 'file_text')
      return { ...base, kind: 'create', path: null, fileText: text, isFileUpdate: null };
    const texts = { oldText: field === 'old_str' ? text : null, newText: field === 'new_str' ? text : null };
    return { ...base, kind: 'replace', path: null, ...texts, diff: null };
  }
  const written = isRecord(input) ? input : {};
  return { ...execution, input: { ...written, [field]: String(written[field] ?? '') + text } };
}
