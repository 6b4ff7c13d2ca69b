// How an answer comes about, noted while a turn runs whose asker wants to know: what was recalled, the tools that were called, the prompt as
// the model got it. Held for that turn alone, and cut to the size that its report may have.

import type { ChatMessage, ToolCall } from '@blackroad/model-server/chat';
import { maxTraceBytes, type TaskTrace } from '@blackroad/protocol';
import type { RecallAnswer } from '../memory/agent-memory.ts';

/** Characters of each text of it, the first that fits all of it into a report. */
const textChars = [8_000, 3_000, 1_200, 500, 200, 60, 0];
const mostCalls = 64;

export class TraceNotes {
  #recalled: TaskTrace['recalled'] = [];
  readonly #calls: TaskTrace['calls'] = [];
  #messages: TaskTrace['messages'] = [];
  #shared: TaskTrace['shared'];
  #isCut = false;

  recalled({ memories, shared }: RecallAnswer): void {
    this.#shared = shared;
    this.#recalled = memories.map(({ seq, kind, text, createdAt, score, document, agent }) => {
      const at = { ...(document ? { document } : {}), ...(agent === undefined ? {} : { agent }) };
      return { seq, kind, text, createdAt, score, ...at };
    });
  }
  prompted(messages: readonly ChatMessage[]): void {
    // A copy: calls of tools add messages to the list.
    this.#messages = messages.map(({ role, content }) => ({ role, content }));
  }
  called({ name, arguments: given }: ToolCall, answer: string, tookMs: number): void {
    if (this.#calls.length < mostCalls)
      this.#calls.push({ name: name.slice(0, 60), arguments: JSON.stringify(given), answer, tookMs });
    else this.#isCut = true;
  }
  told(): TaskTrace {
    for (const chars of textChars) {
      const trace = this.#cutTo(chars);
      if (Buffer.byteLength(JSON.stringify(trace)) <= maxTraceBytes) return trace;
    }
    return { recalled: [], calls: [], messages: [], isCut: true };
  }

  #cutTo(chars: number): TaskTrace {
    let isCut = this.#isCut;
    const cut = (text: string) => {
      if (text.length <= chars) return text.toWellFormed();
      isCut = true;
      return `${text.slice(0, chars).toWellFormed()}…`;
    };
    const recalled = this.#recalled.map((each) => ({ ...each, text: cut(each.text) }));
    const calls = this.#calls.map((each) => ({ ...each, arguments: cut(each.arguments), answer: cut(each.answer) }));
    const messages = this.#messages.map(({ role, content }) => ({ role, content: cut(content) }));
    return { recalled, calls, messages, isCut, ...(this.#shared ? { shared: this.#shared } : {}) };
  }
}
