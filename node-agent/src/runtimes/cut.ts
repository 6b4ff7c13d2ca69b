// Cuts texts to the limit of an embedding model, where only the server has the tokenizer. A server that cuts by itself does not report it;
// so requests have `truncate: false`, and after a "too long" the texts are cut and sent again. A chat prompt is never cut here: the agent
// decides which memories to leave out, so it is refused as `too-long`.

import type { ChatRequest } from '@blackroad/model-server/chat';
import { RuntimeError } from '@blackroad/model-server/runtime-error';

// English has 4-5 characters a token, code 3, Chinese about 1: begin with long texts, the server's refusal corrects that.
const firstCharsPerToken = 6;
const shrink = 0.6;
const leastCharsPerToken = 0.4;
// No tokenizer packs more than this many characters of ordinary text into a token on average.
const mostCharsPerToken = 8;

/** Calls `send` with the texts cut to a length the server accepts; other errors are thrown. */
export async function embedWithCut<T>(
  texts: string[],
  contextTokens: number,
  send: (texts: string[]) => Promise<T>,
): Promise<T> {
  const context = contextTokens || 512;
  for (let charsPerToken = firstCharsPerToken; ; charsPerToken *= shrink) {
    const limit = Math.max(1, Math.floor(context * charsPerToken));
    try {
      return await send(texts.map((text) => cutText(text, limit)));
    } catch (error) {
      const tooLong = error instanceof RuntimeError && error.code === 'too-long';
      if (!tooLong || charsPerToken < leastCharsPerToken) throw error;
    }
  }
}

/** At most `limit` characters, never half a surrogate pair. */
export function cutText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const cut = text.slice(0, limit);
  return /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
}

/** Throws `too-long` when the prompt cannot fit with any tokenizer: the answer of a server that cuts silently would be nonsense. */
export function refuseSurelyTooLong(request: ChatRequest, contextTokens: number): void {
  if (contextTokens === 0) return;
  let characters = 0;
  for (const message of request.messages) characters += message.content.length;
  const least = Math.ceil(characters / mostCharsPerToken);
  if (least >= contextTokens) {
    throw new RuntimeError(
      'too-long',
      `the prompt has at least ${least} tokens, ${request.model} takes ${contextTokens} on this node`,
    );
  }
}
