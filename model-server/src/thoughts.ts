// Separates reasoning from the answer. Servers send it in a field of its own or, where no parser is set up, inside the text between tags,
// cut anywhere by the pieces of a stream; some templates write the opening tag into the prompt, so that only the closing one comes. In: the
// events of an answer from a server. Out: text that is answer, `thought` that is not, and `retract` where a closing tag shows that text
// already passed on was thought. This is remembered for the model: the text of its next answer is held back until the thought is over.

import type { ChatEvent } from './chat.ts';
import { createFence } from './code-fence.ts';

/** Each with its closing tag, in upper or lower case. */
const tags: readonly (readonly [opening: string, closing: string])[] = [
  ...['think', 'thinking', 'thought', 'thoughts', 'thought_process', 'reasoning', 'scratchpad'],
  ...['seed:think', 'mm:think'],
]
  .map((name): [string, string] => [`<${name}>`, `</${name}>`])
  .concat([
    ['<think >', '</think >'],
    ['[think]', '[/think]'],
    ['<|begin_of_thought|>', '<|end_of_thought|>'],
    ['<|start_thinking|>', '<|end_thinking|>'],
    ['<|think|>', '<|/think|>'],
    ['\u25c1think\u25b7', '\u25c1/think\u25b7'],
    // gpt-oss writes other marks of its own between these, too.
    ['<|channel|>analysis<|message|>', '<|channel|>final<|message|>'],
    ['<|channel>thought', '<channel|>'],
  ]);
const openings = tags.map(([opening]) => opening);
const closings = tags.map(([, closing]) => closing);
const longestTag = Math.max(...[...openings, ...closings].map(({ length }) => length));
/** Models whose template opens the thought in the prompt. */
const beginsInside = /deepseek-r1|(^|[/:-])qwq|[-_]thinking\b/i;
/** A quoted tag is a part of the text, and opens no thought. */
const quotes = '`"\u2018\u201c\'';
const maxModels = 256;

type Piece = Extract<ChatEvent, { type: 'text' | 'thought' | 'retract' }>;

/** The events of one answer, one after the other. */
export interface ThoughtReader {
  /** The event without the thoughts in its text: none, one or several in its place. */
  take(event: ChatEvent): readonly ChatEvent[];
}
interface Thoughts {
  /** `think` as in the request. */
  reader(model: string, think: false | undefined): ThoughtReader;
  /** The events without the thoughts in the text. */
  apart(model: string, think: false | undefined, events: AsyncIterable<ChatEvent>): AsyncGenerator<ChatEvent>;
}

export function createThoughts(): Thoughts {
  /** Whether the model's answers begin inside a thought, by its last answer. */
  const inside = new Map<string, boolean>();

  function reader(model: string, think: false | undefined): ThoughtReader {
    const held = think !== false && (inside.get(model) ?? beginsInside.test(model));
    const splitter = createThoughtSplitter(held);
    const learn = (begins: boolean) => {
      if (inside.size >= maxModels) inside.clear();
      inside.set(model, begins);
    };
    return {
      take(event) {
        if (event.type === 'logprobs') return [event];
        if (event.type === 'text') {
          const pieces = splitter.push(event.text);
          if (pieces.some(({ type }) => type === 'retract')) learn(true);
          return pieces;
        }
        if (event.type === 'thought') {
          splitter.separated();
          return [event];
        }
        const rest = splitter.end(event.type === 'end' ? event.reason : 'stop');
        const isEnd = event.type === 'end';
        if (isEnd && held && splitter.neverClosed && event.reason !== 'length') learn(false);
        return [...rest, event];
      },
    };
  }

  return {
    reader,
    async *apart(model, think, events) {
      const own = reader(model, think);
      for await (const event of events) yield* own.take(event);
    },
  };
}

interface ThoughtSplitter {
  push(text: string): Piece[];
  /** The server sends thoughts in a field of their own: all text is answer. */
  separated(): void;
  /** No more text comes. The text of an answer that was cut inside a thought is thought. */
  end(reason: 'stop' | 'length' | 'tool-calls'): Piece[];
  readonly neverClosed: boolean;
}

/** `inside`: the answer begins in a thought without an opening tag. */
function createThoughtSplitter(inside: boolean): ThoughtSplitter {
  // start: before the first word of an answer. answer: in it. thought: in a thought with an opening tag; held: in one without.
  let state: 'start' | 'answer' | 'thought' | 'held' = inside ? 'held' : 'start';
  /** Text that may be part of a tag; in a thought that may still turn out to be answer, all of it. */
  let waiting = '';
  let before = '';
  let closed = false;
  let opened = false;
  let said = false;
  /** The tag of a thought that began within the answer; '' elsewhere. */
  let midway = '';
  /** Tags in a block of code are part of the answer. */
  let fence = createFence();

  function push(text: string): Piece[] {
    waiting += text;
    const pieces: Piece[] = [];
    while (step(pieces));
    return pieces;
  }

  /** One step; true while there is more to do. */
  function step(pieces: Piece[]): boolean {
    if (state === 'start') return begin();
    if (state === 'answer') return goOn(pieces);
    return think(pieces);
  }

  /** Whether the waiting text begins with an opening tag, which is then removed. */
  function open(): boolean {
    const words = waiting.trimStart();
    const tag = openings.find((each) => startsWith(words, each));
    if (!tag) return false;
    waiting = words.slice(tag.length);
    state = 'thought';
    opened = true;
    return true;
  }

  function begin(): boolean {
    if (open()) return true;
    const words = waiting.trimStart();
    if (words === '' || openings.some((each) => startsWith(each, words))) return false;
    if (closed) waiting = words;
    state = 'answer';
    return true;
  }

  function goOn(pieces: Piece[]): boolean {
    const found = firstTag(waiting, before, [...openings, ...closings]);
    if (!found) {
      const keep = partOfTag(waiting);
      say(pieces, waiting.slice(0, waiting.length - keep));
      waiting = waiting.slice(waiting.length - keep);
      return false;
    }
    const { at, tag } = found;
    const rest = waiting.slice(at + tag.length);
    if (fence.isOpenAfter(waiting.slice(0, at))) {
      say(pieces, waiting.slice(0, at + tag.length));
      waiting = rest;
      return true;
    }
    if (openings.includes(tag)) {
      say(pieces, waiting.slice(0, at));
      waiting = waiting.slice(at);
      state = 'thought';
      midway = tag;
      return true;
    }
    if (opened) {
      // A surplus closing tag: it is not part of the answer.
      say(pieces, waiting.slice(0, at));
      waiting = rest;
      return true;
    }
    if (said) pieces.push({ type: 'retract' });
    fence = createFence();
    pieces.push({ type: 'thought', text: waiting.slice(0, at) });
    close(rest);
    return true;
  }

  function think(pieces: Piece[]): boolean {
    if (state === 'held' && open()) return true;
    const found = firstTag(waiting, '', closings, true);
    if (found) {
      pieces.push({ type: 'thought', text: waiting.slice(midway.length, found.at) });
      close(waiting.slice(found.at + found.tag.length));
      return true;
    }
    // Without a closing tag this may be answer after all: it is held until the end.
    if (state === 'held' || midway !== '') return false;
    const keep = Math.min(waiting.length, longestTag - 1);
    if (waiting.length > keep) pieces.push({ type: 'thought', text: waiting.slice(0, waiting.length - keep) });
    waiting = waiting.slice(waiting.length - keep);
    return false;
  }

  function close(rest: string): void {
    waiting = rest;
    state = midway === '' ? 'start' : 'answer';
    closed = true;
    opened = true;
    midway = '';
  }

  function say(pieces: Piece[], text: string): void {
    if (text === '') return;
    pieces.push({ type: 'text', text });
    said = true;
    fence.read(text);
    before = text.at(-1) as string;
  }

  return {
    push,
    separated() {
      if (state === 'held') state = 'start';
      closed = true;
    },
    end(reason) {
      const pieces: Piece[] = [];
      const thought = midway === '' && (state === 'thought' || (state === 'held' && reason === 'length'));
      if (thought) {
        if (waiting !== '') pieces.push({ type: 'thought', text: waiting });
      } else if (state !== 'start' || waiting.trim() !== '') say(pieces, waiting);
      waiting = '';
      return pieces;
    },
    get neverClosed() {
      return !closed;
    },
  };
}

/** A whole text without its thoughts. */
export function withoutThoughts(text: string): string {
  const splitter = createThoughtSplitter(false);
  let answer = '';
  for (const piece of [...splitter.push(text), ...splitter.end('stop')]) {
    if (piece.type === 'text') answer += piece.text;
    else if (piece.type === 'retract') answer = '';
  }
  return answer;
}

const startsWith = (text: string, tag: string) => lowered(text.slice(0, tag.length)) === lowered(tag);
/** The length stays the same: in other letters than those of tags it could grow, as with the dotted capital I. */
const lowered = (text: string) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** The first tag that is not quoted; `before` is the character before the text. */
function firstTag(
  text: string,
  before: string,
  tags: readonly string[],
  evenQuoted = false,
): { at: number; tag: string } | null {
  const lower = lowered(text);
  let best: { at: number; tag: string } | null = null;
  for (const tag of tags) {
    for (let at = lower.indexOf(tag); at >= 0; at = lower.indexOf(tag, at + 1)) {
      const previous = at === 0 ? before : (text[at - 1] as string);
      if (!evenQuoted && previous !== '' && quotes.includes(previous)) continue;
      if (!best || at < best.at) best = { at, tag };
      break;
    }
  }
  return best;
}

/** Length of the text's end that may be the beginning of a tag. */
function partOfTag(text: string): number {
  const lower = lowered(text);
  for (let length = Math.min(longestTag - 1, lower.length); length > 0; length--) {
    const end = lower.slice(-length);
    if ([...openings, ...closings].some((tag) => tag.startsWith(end))) return length;
  }
  return 0;
}
