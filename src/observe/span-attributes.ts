import type { Execution } from '../turn/execution.ts';
import type { TurnState } from '../turn/state.ts';
import type { RequestParams } from '../turn/turn.ts';
import type { ResponseUsage } from '../turn/usage.ts';
import { isRecord } from '../wire/blocks.ts';
import type { SpanAttributes } from './tracing.ts';

// Named by OpenTelemetry's conventions for generative AI (gen-ai-agent-spans.md, read Nov 2026);
// what they have no name for stands under `code_execution_kit`.

/** Tools that the server runs, and those of the caller's. */
export const EXTENSION = 'extension';
export const FUNCTION = 'function';

/** Longest text of content, in characters. */
const LONGEST = 16_384;

/** What the span of a turn begins with: samplers see no more. */
export function turnAttributes(
  { model, max_tokens: maxTokens, output_config: config }: RequestParams,
  conversationId: unknown,
): SpanAttributes {
  return {
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.provider.name': 'anthropic',
    'gen_ai.request.model': model,
    'gen_ai.request.max_tokens': maxTokens,
    ...(config?.format ? { 'gen_ai.output.type': 'json' } : {}),
    ...(typeof conversationId === 'string' ? { 'gen_ai.conversation.id': conversationId } : {}),
  };
}

export function toolAttributes(name: string, id: string, type: string): SpanAttributes {
  return {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': name,
    'gen_ai.tool.call.id': id,
    'gen_ai.tool.type': type,
  };
}

/** What a turn, or the part of it that the span covers, came to. */
export function answered(state: TurnState, content: boolean): SpanAttributes {
  const { exchanges, executions, artifacts, container, usage, toolUses, notices, outcome } = state;
  const last = exchanges.at(-1);
  const first = exchanges[0]?.responseIndex ?? 0;
  const ofThis = ({ responseIndex }: { readonly responseIndex: number }) => responseIndex >= first;
  const pauses = state.parts.filter((part) => part.type === 'pause' && ofThis(part));
  const rounds = new Set(toolUses.filter(ofThis).map(({ responseIndex }) => responseIndex));
  const failed = executions.filter(({ status }) => status === 'failed' || status === 'errored');
  const own = {
    responses: exchanges.length,
    pauses: pauses.length,
    tool_rounds: rounds.size,
    executions: executions.length,
    executions_failed: failed.length,
    artifacts: artifacts.length,
    notices: notices.length,
    ...(outcome === null ? {} : { outcome }),
    ...(container ? { 'container.id': container.id } : {}),
  };
  return {
    ...(last ? { 'gen_ai.response.model': last.model, 'gen_ai.response.id': last.id } : {}),
    ...(last?.stopReason ? { 'gen_ai.response.finish_reasons': [last.stopReason] } : {}),
    ...usageAttributes(usage),
    ...Object.fromEntries(Object.entries(own).map(([name, value]) => [`code_execution_kit.${name}`, value])),
    ...(content ? { 'gen_ai.output.messages': messages([['assistant', state.text]]) } : {}),
  };
}

/** Cached tokens are part of the input here, which they are not in the API's own counter. */
function usageAttributes(usage: ResponseUsage): SpanAttributes {
  const count = (name: string) => (typeof usage[name] === 'number' ? usage[name] : 0);
  const [read, written] = [count('cache_read_input_tokens'), count('cache_creation_input_tokens')];
  return {
    'gen_ai.usage.input_tokens': usage.input_tokens + read + written,
    'gen_ai.usage.output_tokens': usage.output_tokens,
    'gen_ai.usage.cache_read.input_tokens': read,
    'gen_ai.usage.cache_creation.input_tokens': written,
  };
}

/** The result of an execution. */
export function ran(execution: Execution, content: boolean): SpanAttributes {
  const { status, returnCode, files, call, stdout, stderr } = execution;
  const input = isRecord(call) ? call['input'] : undefined;
  return {
    'code_execution_kit.execution.status': status,
    'code_execution_kit.execution.files': files.length,
    ...(returnCode === null ? {} : { 'code_execution_kit.execution.return_code': returnCode }),
    ...(content
      ? {
          'gen_ai.tool.call.arguments': jsonOf(input),
          'gen_ai.tool.call.result': jsonOf({ stdout, stderr }),
        }
      : {}),
  };
}

/** What was asked: the system text and the newest message. */
export function asked({ system, messages: all }: RequestParams): SpanAttributes {
  const last = all.at(-1);
  const text = (given: unknown): string =>
    typeof given === 'string' ? given : Array.isArray(given) ? given.map(textOf).join('\n') : '';
  return {
    ...(system ? { 'gen_ai.system_instructions': JSON.stringify([part(text(system))]) } : {}),
    ...(last ? { 'gen_ai.input.messages': messages([[last.role, text(last.content)]]) } : {}),
  };
}

function textOf(block: unknown): string {
  return isRecord(block) && typeof block['text'] === 'string' ? block['text'] : '';
}

function messages(all: readonly (readonly [role: string, text: string])[]): string {
  return JSON.stringify(all.map(([role, text]) => ({ role, parts: [part(text)] })));
}

const part = (text: string) => ({ type: 'text', content: short(text) });

const short = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/** Content of any kind as an attribute holds it. */
export const jsonOf = (value: unknown): string => short(JSON.stringify(value) ?? String(value));
