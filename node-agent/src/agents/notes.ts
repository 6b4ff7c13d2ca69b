// Memories as notes beside a question, in the form that a model of that size can use. Pure.
import { wordsOf } from '@blackroad/protocol';
import { placeWords } from '@blackroad/protocol/memory-words';
import type { Recalled } from '../memory/agent-memory.ts';
import { exchangeOf } from './conversation.ts';
import { cut, plain } from './text.ts';

const smallNotes = 3;
const smallNoteChars = 200;
const noteChars = 600;
/** A part of a document is cut to about 800 letters when it is taken in. */
const documentChars = 1_000;

/** In the order of the memories, best first. */
export function notesOf(memories: readonly Recalled[], prompt: string, small: boolean): string[] {
  const asked = plain(prompt);
  const notes: string[] = [];
  const spare: string[] = [];
  for (const memory of memories) {
    const { text, agent } = memory;
    if (memory.document) {
      add(notes, documentNote(memory, prompt, small) as string);
      continue;
    }
    const turn = exchangeOf(text);
    if (!turn) {
      const said = cut(text, small ? smallNoteChars : noteChars);
      add(notes, agent === undefined || small ? said : `${agent} remembers: ${said}`);
      continue;
    }
    const { said, answered } = turn;
    if (!small) {
      // The same question asked before adds nothing, only its answer does.
      const [to, who] = agent === undefined ? ['', 'You'] : [` to ${agent}`, agent];
      add(
        plain(said) === asked ? spare : notes,
        `The user said${to}: ${cut(said, noteChars)}${answered === '' ? '' : ` ${who} answered: ${cut(answered, noteChars)}`}`,
      );
      continue;
    }
    // A tiny model repeats its own old mistakes: its notes have the user's statements, not its own answers.
    const stated = statements(said);
    if (stated) add(notes, cut(aboutTheUser(stated), smallNoteChars));
    // The answer to an order was for that moment.
    else if (plain(said) !== asked && !sentencesOf(said).every(isOrder)) add(spare, cut(answered, smallNoteChars));
  }
  const all = notes.length > 0 ? (small ? notes : [...notes, ...spare]) : spare;
  return small ? all.slice(0, smallNotes) : all;
}
/** A part of a document with its source, which an answer can name; null: it is from none. */
export function documentNote({ text, document }: Recalled, prompt: string, small: boolean): string | null {
  if (!document) return null;
  const said = small ? excerpt(text, prompt, smallNoteChars) : cut(text, documentChars);
  return `From ${placeWords(document)}: ${said}`;
}
/** As many sentences as fit from the one that has most words of the question. */
function excerpt(text: string, prompt: string, chars: number): string {
  const asked = new Set(wordsOf(prompt));
  const sentences = sentencesOf(text);
  const worth = sentences.map((sentence) => wordsOf(sentence).filter((word) => asked.has(word)).length);
  const from = worth.indexOf(Math.max(...worth));
  return cut(sentences.slice(Math.max(0, from)).join(' '), chars);
}
function add(list: string[], note: string): void {
  if (note.trim() !== '' && !list.includes(note)) list.push(note);
}
const sentencesOf = (text: string) =>
  text.split(/(?<=[.!?\u3002\uff01\uff1f])\s+|\n+/).filter((sentence) => sentence.trim() !== '');

/** The sentences that state something: questions and orders are left out, text that the model was asked to remember is kept. */
function statements(text: string): string {
  return sentencesOf(text)
    .map((sentence) => sentence.replace(toRemember, ''))
    .filter((sentence) => !/[?\uff1f]\s*$/.test(sentence) && !isOrder(sentence))
    .join(' ')
    .trim();
}
const toRemember =
  /^\s*(please\s+)?(remember|note|keep in mind|don'?t forget|do not forget)(,|:|\s+that\b)?\s+(?!to\b)/i;
/** How orders begin in English; orders in other languages are kept, as no list has them. */
const orders = new RegExp(
  `^\\W*(?:(?:please|now|then|and|so|ok|okay|hey|hi|just|also)\\W+)*(?:${[
    'act|add|answer|ask|bring|build|calculate|change|check|choose|clean|close|compare|compose|compute|continue|convert|correct',
    "count|create|define|delete|describe|do|don'?t|draw|draft|explain|fetch|fill|find|finish|fix|forget|generate|get|give|go|guess",
    'help|imagine|improve|keep|let|list|listen|look|make|measure|move|name (?:a|an|the|one|two|three|some|another|all)|open|pick',
    'play|pretend|print|propose|publish|put|read|recommend|remember to|remind|remove|repeat|reply|rewrite|run|save|say|search|send',
    'set|show|sing|solve|speak|spell|start|stop|suggest|summari[sz]e|switch|take|talk|tell|think|translate|try|turn|update|use|wait',
    'wake|watch|write',
  ].join('|')})\\b(?! (?:is|are|was|were)\\b)`,
  'i',
);
function isOrder(sentence: string): boolean {
  return orders.test(sentence);
}
/**
 * `My name is Ada.` -> `The user's name is Ada.` [M] SmolLM2 135M reads a note in the first person as words about itself ("I'm Ada, a
 * helpful assistant"); in the third person it answers. English only; other languages are not changed.
 */
function aboutTheUser(text: string): string {
  const third = text
    .replace(/\bI(?: am|'m|\u2019m)\b/g, 'the user is')
    .replace(/\bI(?: have|'ve|\u2019ve)\b/g, 'the user has')
    .replace(/\bI (was|will|can|had|did|would|could|should)\b/g, 'the user $1')
    .replace(/\bI ([a-z]+)\b/g, (_, verb: string) => `the user ${verb}${/(s|sh|ch|x|o)$/.test(verb) ? 'es' : 's'}`)
    .replace(/\bmy\b/gi, "the user's")
    .replace(/\bme\b/g, 'the user');
  return third.replace(/(^|[.!] )the user/g, '$1The user');
}
