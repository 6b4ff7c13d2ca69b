// The OpenAI dialect's wire: our request in its words, its server-sent events as data, tool calls put together from pieces.
import { parsed } from './http-json.ts';
import { type ChatMessage, type ChatRequest, RuntimeError, type ToolCall } from './runtime.ts';
import { repeatPenaltyFor } from './sampling.ts';

export interface ToolCallPiece {
  index?: number;
  id?: string;
  function?: { name?: string; arguments?: string };
}
export interface ChatChunk {
  choices?: {
    delta?: { content?: string | null; tool_calls?: ToolCallPiece[] };
    finish_reason?: string | null;
  }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number; prompt_tokens_details?: { cached_tokens?: number } };
  timings?: { cache_n?: number; prompt_n?: number; prompt_ms?: number; predicted_n?: number; predicted_ms?: number };
  error?: unknown;
}

const maxToolCalls = 64;
const maxArgumentChars = 1024 * 1024;

/** The body of POST /v1/chat/completions. `parametersB` is 0 where the server knows no repeat penalty. */
export function wireRequest(request: ChatRequest, parametersB: number): object {
  const repeatPenalty = repeatPenaltyFor(parametersB);
  return {
    model: request.model,
    messages: request.messages.map(wireMessage),
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: request.maxTokens,
    temperature: request.temperature,
    ...(repeatPenalty ? { repeat_penalty: repeatPenalty } : {}),
    ...(request.tools?.length ? { tools: request.tools.map((tool) => ({ type: 'function', function: tool })) } : {}),
    ...(request.schema
      ? { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: request.schema } } }
      : {}),
  };
}

function wireMessage(message: ChatMessage): object {
  const { role, content } = message;
  if (message.toolCalls?.length) {
    const calls = message.toolCalls.map((call) => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: JSON.stringify(call.arguments) },
    }));
    return { role, content, tool_calls: calls };
  }
  return role === 'tool' ? { role, content, tool_call_id: message.toolCallId } : { role, content };
}

/** The data of each server-sent event; comments (lines that begin with a colon, sent to keep the line open) are dropped. */
export async function* eventsOf(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let data: string[] = [];
  for await (const line of lines) {
    if (line === '') {
      if (data.length > 0) yield data.join('\n');
      data = [];
    } else if (line.startsWith('data:')) {
      data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
    } else if (line.startsWith('error:')) {
      // Older llama-servers end a broken stream this way.
      yield JSON.stringify({ error: parsed(line.slice(6)) ?? line.slice(6) });
    }
  }
  if (data.length > 0) yield data.join('\n');
}

export function createToolCallAssembly(): { add(pieces: ToolCallPiece[]): void; done(): ToolCall[] } {
  const calls = new Map<number, { id: string; name: string; text: string }>();
  return {
    add(pieces) {
      for (const piece of pieces) {
        const index = piece.index ?? 0;
        const call = calls.get(index) ?? { id: '', name: '', text: '' };
        calls.set(index, call);
        call.id ||= piece.id ?? '';
        call.name ||= piece.function?.name ?? '';
        call.text += piece.function?.arguments ?? '';
        if (calls.size > maxToolCalls || call.text.length > maxArgumentChars) {
          throw new RuntimeError('unavailable', 'the answer calls more tools, or with longer arguments, than is sane');
        }
      }
    },
    done() {
      const ordered = [...calls.entries()].toSorted(([a], [b]) => a - b);
      return ordered.map(([index, call]) => {
        const found = parsed(call.text);
        const isObject = typeof found === 'object' && found !== null;
        return {
          id: call.id || `call-${index}`,
          name: call.name,
          arguments: isObject ? (found as Record<string, unknown>) : {},
        };
      });
    },
  };
}

/**
 * Tokens that fit vLLM's cache, over all its engines, from the labels of `vllm:cache_config_info`: as it counts them itself,
 * or blocks times their size in versions that do not. Undefined where neither is told (some print `None`).
 */
export function kvCacheTokens(metrics: string): number | undefined {
  let sum = 0;
  for (const [, labels] of metrics.matchAll(/^vllm:cache_config_info\{(.*)\}/gm)) {
    const of = (label: string) => Number(new RegExp(`(?:^|,)${label}="(\\d+)"`).exec(labels!)?.[1] ?? 0);
    sum += of('kv_cache_size_tokens') || of('num_gpu_blocks') * of('block_size');
  }
  return sum > 0 ? sum : undefined;
}
