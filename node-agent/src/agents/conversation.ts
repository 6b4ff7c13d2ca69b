// The exchanges of a conversation before the question, in the form that a model reads. Pure. Their number depends on the model's size [M]:
// SmolLM2 135M loses the question among four messages; with one exchange before it, it answers "Why?" and "What did I just say?", which a
// note does not achieve; a question that stands alone it answers best without any.

import type { ChatMessage } from '@blackroad/model-server/chat';
import { withoutThoughts } from '@blackroad/model-server/thoughts';
import { cut, estimateTokens } from './text.ts';

export interface Exchange {
  said: string;
  answered: string;
}

/** The share of the conversation in the tokens for instructions and question. */
const share = 1 / 4;
const smallShare = 1 / 8;
const charsPerToken = 3;
// "This node" refers to nothing that was said before, "what is this?" does.
const followsUp = new RegExp(
  [
    'it|its|they|them|he|him|she|her|why|again|another|more|else|thanks?|thank you|what about|how about|go on',
    'just|last|previous|earlier|before|did (?:i|you) (?:say|ask|tell|mention|mean)|you (?:said|meant|mean)',
    '(?:this|that|these|those)(?=\\s*(?:[?.!,]|$|(?:is|was|are|were|does|means?)\\b))',
  ]
    .map((words) => `\\b(?:${words})(?![a-z])`)
    .join('|'),
  'i',
);
const asksWhatWasSaid =
  /\b(i|my)\b.{0,20}\b(say|said|ask|asked|tell|told|mention|mentioned|wrote|write|message|question|words?)\b/i;
const fewWords = 3;

/** The text of an exchange as memory stores it. */
export function turnText(prompt: string, answer: string): string {
  return `User: ${prompt.trim()}\nAssistant: ${answer.trim()}`;
}
const turnForm = /^User: ([\s\S]*?)\nAssistant: ([\s\S]*)$/;

/** The exchange in a remembered text, or null. Thoughts that an older version stored with the answer are removed. */
export function exchangeOf(text: string): Exchange | null {
  const found = turnForm.exec(text);
  return found && { said: found[1] as string, answered: withoutThoughts(found[2] as string).trim() };
}

/** The exchanges for the prompt, oldest first, within their share of `budget` tokens. `alone`: the prompt has no other notes. */
export function conversationFor(
  texts: readonly string[],
  question: { prompt: string; alone: boolean; small: boolean; budget: number },
): Exchange[] {
  const { prompt, alone, small, budget } = question;
  const all = texts.flatMap((text) => exchangeOf(text) ?? []).filter(({ answered }) => answered !== '');
  if (small && !alone && !isFollowUp(prompt)) return [];
  let left = Math.floor(budget * (small ? smallShare : share));
  const kept: Exchange[] = [];
  for (const one of small ? all.slice(-1) : all.toReversed()) {
    // The last exchange is cut, not left out: the question is most likely about it.
    const fitted = kept.length === 0 ? cutTo(one, left) : one;
    left -= estimateTokens(fitted.said) + estimateTokens(fitted.answered);
    if (left < 0) break;
    kept.unshift(fitted);
  }
  return kept;
}

export function isFollowUp(prompt: string): boolean {
  return followsUp.test(prompt) || prompt.trim().split(/\s+/).length <= fewWords;
}
/** A note with the last words of the user, where the question asks for them: a tiny model does not find them by itself. */
export function lastWordsNote(prompt: string, conversation: readonly Exchange[]): string | null {
  const last = conversation.at(-1);
  return last && asksWhatWasSaid.test(prompt) ? `The user just said "${cut(last.said, 200)}"` : null;
}

export function messagesOf(conversation: readonly Exchange[]): ChatMessage[] {
  return conversation.flatMap(({ said, answered }): ChatMessage[] => [
    { role: 'user', content: said },
    { role: 'assistant', content: answered },
  ]);
}

function cutTo({ said, answered }: Exchange, tokens: number): Exchange {
  if (estimateTokens(said) + estimateTokens(answered) <= tokens) return { said, answered };
  const shorten = (text: string) => {
    const dense = estimateTokens(text) * charsPerToken > text.length * 1.5;
    return cut(text, Math.floor((tokens / 2 - 4) * (dense ? 1 : charsPerToken)));
  };
  return { said: shorten(said), answered: shorten(answered) };
}
