// What was said lately, as a model reads it: the exchanges of a conversation before the question. Pure.
// How much of it depends on the model's size [M]: SmolLM2 135M loses the question among four messages, and with one exchange before
// it answers "Why?" and "What did I just say?", which no note lets it do; a question that stands by itself it answers best alone.

import type { ChatMessage } from '../runtimes/runtime.ts';
import { withoutThoughts } from '../runtimes/thoughts.ts';
import { cut, estimateTokens } from './text.ts';

export interface Exchange {
  said: string;
  answered: string;
}

/** Of the tokens that instructions and question may take, what the conversation may. */
const share = 1 / 4;
const smallShare = 1 / 8;
const charsPerToken = 3;
// "This node" points at nothing that was said, "what is this?" does.
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

/** What was said in an exchange, as it is remembered. */
export function turnText(prompt: string, answer: string): string {
  return `User: ${prompt.trim()}\nAssistant: ${answer.trim()}`;
}
const turnForm = /^User: ([\s\S]*?)\nAssistant: ([\s\S]*)$/;

/** The exchange that a remembered text tells of, or null. What an older version took for the answer, thoughts and all, is cleaned. */
export function exchangeOf(text: string): Exchange | null {
  const found = turnForm.exec(text);
  return found && { said: found[1] as string, answered: withoutThoughts(found[2] as string).trim() };
}

/** The exchanges to bring in, oldest first, within their share of `budget` tokens. `alone`: there is nothing else to know. */
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
    // The last exchange is cut rather than left out: it is what is being talked about.
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
/** A tiny model is told outright what it is asked for. */
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
