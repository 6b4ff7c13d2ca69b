// The node that answered a conversation before: its model server may still have what it read. In: the messages of a request, or the name
// that its caller gives the conversation. Out: the node, with the tokens that it read. Bounded: the conversations asked longest ago go first.
import { createHash } from 'node:crypto';
import type { Clock } from '@blackroad/std/clock';
import { type Ask, estimateTokens } from './ask.ts';

interface Read {
  node: string;
  model: string;
  tokens: number;
  atMs: number;
}
const maxConversations = 20_000;
/** Longer than a model server keeps what it read. */
const lifeMs = 30 * 60_000;
/** Of a long conversation the last so many beginnings are looked for. */
const maxBeginnings = 64;

export function createAffinity(clock: Clock) {
  const read = new Map<string, Read>();

  function look(key: string): Read | null {
    const found = read.get(key);
    return found && clock.monotonicMs() - found.atMs < lifeMs ? found : null;
  }
  function keep(key: string, row: Read): void {
    read.delete(key);
    read.set(key, row);
    if (read.size > maxConversations) read.delete(read.keys().next().value as string);
  }

  return {
    /** Keys of a conversation: that of all its messages last. Those of others cannot be met: the caller is part of each. */
    keysOf(who: string, { session, request }: Ask): string[] {
      if (session !== null) return [`session ${who} ${session}`];
      const { messages = [], tools } = request;
      if (messages.length === 0) return [];
      const hash = createHash('sha256').update(who);
      if (tools) hash.update(JSON.stringify(tools));
      return messages.map(({ role, content }) =>
        hash.update(`\n${role} ${content.length} `).update(content).copy().digest('base64'),
      );
    },
    find(keys: readonly string[]): Read | null {
      for (let i = keys.length - 1; i >= Math.max(0, keys.length - maxBeginnings); i--) {
        const found = look(keys[i] as string);
        if (found) return found;
      }
      return null;
    },
    note(keys: readonly string[], ask: Ask, node: string, model: string): void {
      const key = keys.at(-1);
      if (key !== undefined) keep(key, { node, model, tokens: estimateTokens(ask.request), atMs: clock.monotonicMs() });
      // A first message that begins many conversations is read once: a system prompt is the same for all of them.
      const first = keys[0];
      if (keys.length > 1 && first !== undefined && ask.request.messages?.[0]?.role === 'system') {
        const tokens = estimateTokens({ kind: 'chat', messages: ask.request.messages.slice(0, 1) });
        keep(first, { node, model, tokens, atMs: clock.monotonicMs() });
      }
    },
    get size() {
      return read.size;
    },
  };
}
