// Part of the child process: converts our messages and tools to the types of node-llama-cpp.

import type { ChatHistoryItem, ChatModelFunctionCall, ChatModelFunctions } from 'node-llama-cpp';
import type { ChatMessage } from '../chat.ts';
import type { ChatOrder } from './llama-wire.ts';

/** The library has tool calls and their results inside the model's own turn. */
export function historyOf(messages: ChatMessage[]): ChatHistoryItem[] {
  const results = new Map(messages.filter((m) => m.role === 'tool').map((m) => [m.toolCallId ?? '', m.content]));
  const history: ChatHistoryItem[] = [];
  for (const message of messages) {
    if (message.role === 'system') history.push({ type: 'system', text: message.content });
    else if (message.role === 'user') history.push({ type: 'user', text: message.content });
    else if (message.role === 'assistant') {
      const calls = (message.toolCalls ?? []).map(
        (call): ChatModelFunctionCall => ({
          type: 'functionCall',
          name: call.name,
          params: call.arguments,
          result: results.get(call.id) ?? '',
        }),
      );
      const said = message.content ? [message.content] : [];
      const last = history.at(-1);
      if (last?.type === 'model') last.response.push(...said, ...calls);
      else history.push({ type: 'model', response: [...said, ...calls] });
    }
  }
  if (history.at(-1)?.type !== 'model') history.push({ type: 'model', response: [] });
  return history;
}

export function functionsOf(order: ChatOrder): ChatModelFunctions | undefined {
  if (order.tools.length === 0) return undefined;
  return Object.fromEntries(
    order.tools.map((tool) => [
      tool.name,
      { description: tool.description, params: tool.parameters as ChatModelFunctions[string]['params'] },
    ]),
  );
}
