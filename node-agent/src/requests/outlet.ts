// What the node says to the gateway: parts of all its answers, gathered for a moment into one message, since a message for each token of each
// answer would cost a Pi one core. In: parts. Out: messages below their limit, the parts of each answer in order. A part that somebody waits
// for takes what has gathered along at once.
import type { ModelAnswer, ModelAnswerEvent, ModelAnswers } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import { maxPartChars, type Part } from './parts.ts';

/** Fast enough for people who read along. */
const gatherMs = 50;
const maxAnswers = 500;
/** Events of one part. */
const maxEvents = 500;

export interface Outlet {
  put(part: Part, size: number, isUrgent: boolean): void;
  /** Nobody reads the answer on. */
  drop(request: string): void;
  /** Nobody hears any more: what has gathered is dropped. */
  clear(): void;
}

export function createOutlet(clock: Clock, send: (message: ModelAnswers) => void): Outlet {
  /** By request, in the order of their first parts. */
  let gathered = new Map<string, Part>();
  /** The number of the next part of each answer. */
  const numbers = new Map<string, number>();
  let chars = 0;
  let timer: Timer | null = null;

  function flush(): void {
    timer?.cancel();
    timer = null;
    if (gathered.size === 0) return;
    const answers = [...gathered.values()].map((part) => numbered(part));
    gathered = new Map();
    chars = 0;
    send({ answers });
  }
  function numbered(part: Part): ModelAnswer {
    const seq = numbers.get(part.request) ?? 0;
    if (part.end) numbers.delete(part.request);
    else numbers.set(part.request, seq + 1);
    return { ...part, seq };
  }

  return {
    put(part, size, isUrgent) {
      const known = gathered.get(part.request);
      if (chars + size > maxPartChars || gathered.size >= maxAnswers || (known?.events.length ?? 0) >= maxEvents)
        flush();
      const open = gathered.get(part.request);
      if (open) {
        for (const event of part.events) join(open.events, event);
        if (part.end) open.end = part.end;
      } else gathered.set(part.request, { ...part, events: [...part.events] });
      chars += size;
      if (isUrgent) flush();
      else timer ??= clock.after(gatherMs, flush);
    },
    drop(request) {
      gathered.delete(request);
      numbers.delete(request);
    },
    clear() {
      timer?.cancel();
      timer = null;
      gathered.clear();
      numbers.clear();
      chars = 0;
    },
  };
}

function join(events: ModelAnswerEvent[], event: ModelAnswerEvent): void {
  const last = events.at(-1);
  if (last?.text !== undefined && event.text !== undefined)
    events[events.length - 1] = { text: last.text + event.text };
  else events.push(event);
}
