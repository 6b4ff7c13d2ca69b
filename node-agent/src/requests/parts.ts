// An answer as parts: below the size of a message, the last with the end. In: events and one end. Out: parts
// for the node's outlet, which gathers those of all answers.
import { type ModelAnswer, type ModelAnswerEnd, type ModelAnswerEvent, maxMemoryBatchBytes } from '@blackroad/protocol';

/** Characters of one part, of which JSON makes at most six bytes each. */
export const maxPartChars = Math.floor(maxMemoryBatchBytes / 8);

/** Not numbered yet: several may become one. */
export type Part = Omit<ModelAnswer, 'seq'>;
/** An end with usage or a problem. */
const endChars = 1200;

export interface Parts {
  add(event: ModelAnswerEvent): void;
  end(end: ModelAnswerEnd): void;
  /** Nobody reads on: nothing more is sent. */
  drop(): void;
}

/** `send`: `isUrgent` for a part that somebody waits for: the first, and the last. */
export function createParts(request: string, send: (part: Part, size: number, isUrgent: boolean) => void): Parts {
  let isFirst = true;
  let isOver = false;
  return {
    add(event) {
      if (isOver) return;
      for (const each of cut(event)) {
        send({ request, events: [each] }, sizeOf(each), isFirst);
        isFirst = false;
      }
    },
    end(end) {
      if (isOver) return;
      isOver = true;
      send({ request, events: [], end }, endChars, true);
    },
    drop() {
      isOver = true;
    },
  };
}

function sizeOf({ text, thought, calls, logprobs, vector }: ModelAnswerEvent): number {
  const words = (text ?? thought ?? vector ?? '').length;
  const listed = calls ?? logprobs;
  return words + (listed ? JSON.stringify(listed).length : 0) + 16;
}

/** Text that is longer than a part, in several. */
function cut(event: ModelAnswerEvent): ModelAnswerEvent[] {
  const key = event.text !== undefined ? 'text' : event.thought !== undefined ? 'thought' : null;
  const words = key ? (event[key] as string) : '';
  const most = Math.floor(maxPartChars / 2);
  if (!key || words.length <= most) return [event];
  const cuts: ModelAnswerEvent[] = [];
  for (let from = 0; from < words.length; from += most) cuts.push({ [key]: words.slice(from, from + most) });
  return cuts;
}
