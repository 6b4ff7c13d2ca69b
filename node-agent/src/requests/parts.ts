// An answer in parts: its first event is sent at once, later ones are gathered for a moment, since a message for each token would cost a Pi
// one core. In: events and one end. Out: parts below the size of a message, counted from 0; the last has the end.
import { type ModelAnswer, type ModelAnswerEnd, type ModelAnswerEvent, maxMemoryBatchBytes } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';

/** Fast enough for people who read along. */
const gatherMs = 50;
/** Characters of one part, of which JSON makes at most six bytes each. */
const maxPartChars = Math.floor(maxMemoryBatchBytes / 8);
const maxEvents = 500;

export interface Parts {
  add(event: ModelAnswerEvent): void;
  end(end: ModelAnswerEnd): void;
  /** Nobody reads on: nothing more is sent. */
  drop(): void;
}

export function createParts(clock: Clock, send: (part: Omit<ModelAnswer, 'request'>) => void): Parts {
  let waiting: ModelAnswerEvent[] = [];
  let chars = 0;
  let seq = 0;
  let timer: Timer | null = null;

  function flush(end?: ModelAnswerEnd): void {
    if (waiting.length === 0 && !end) return;
    const events = waiting;
    waiting = [];
    chars = 0;
    send({ seq: seq++, events, ...(end ? { end } : {}) });
  }
  function pause(): void {
    timer = clock.after(gatherMs, () => {
      timer = null;
      if (waiting.length === 0) return;
      flush();
      pause();
    });
  }
  function push(event: ModelAnswerEvent): void {
    const size = sizeOf(event);
    if (chars + size > maxPartChars || waiting.length >= maxEvents) flush();
    chars += size;
    const last = waiting.at(-1);
    if (last?.text !== undefined && event.text !== undefined)
      waiting[waiting.length - 1] = { text: last.text + event.text };
    else waiting.push(event);
  }

  return {
    add(event) {
      for (const each of cut(event)) push(each);
      if (timer) return;
      flush();
      pause();
    },
    end(end) {
      timer?.cancel();
      timer = null;
      flush(end);
    },
    drop() {
      timer?.cancel();
      timer = null;
      waiting = [];
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
