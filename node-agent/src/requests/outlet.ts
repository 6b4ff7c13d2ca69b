// What the node says to the gateway: parts of all its answers, gathered for a moment into one message, since a message for each token of each
// answer would cost a Pi one core. In: parts. Out: messages below their limit, the parts of each answer in order. A part that somebody waits
// for goes at once, without those of other answers: they would never gather while many answers begin and end.
import type { ModelAnswer, ModelAnswerEvent, ModelAnswers } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import { maxPartChars, type Part } from './parts.ts';

/** Fast enough for people who read along. Each piece costs the coordinator about as much as writing it to a client, so that many answers
 * gather longer. */
const gatherMs = (answers: number) => Math.min(80, 40 + answers);
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
interface Gathered {
  part: Part;
  chars: number;
}

export function createOutlet(clock: Clock, send: (message: ModelAnswers) => void): Outlet {
  /** By request, in the order of their first parts. */
  const gathered = new Map<string, Gathered>();
  /** The requests of these parts wait for them. */
  const urgent = new Set<string>();
  /** The number of the next part of each answer. */
  const numbers = new Map<string, number>();
  let chars = 0;
  let timer: Timer | null = null;

  function flush(requests: Iterable<string>): void {
    const answers: ModelAnswer[] = [];
    for (const request of [...requests]) {
      const one = gathered.get(request);
      if (!one) continue;
      gathered.delete(request);
      chars -= one.chars;
      answers.push(numbered(one.part));
    }
    if (answers.length > 0) send({ answers });
  }
  function flushAll(): void {
    timer?.cancel();
    timer = null;
    urgent.clear();
    flush(gathered.keys());
  }
  function flushUrgent(): void {
    flush(urgent);
    urgent.clear();
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
      const isFull = gathered.size >= maxAnswers || (known?.part.events.length ?? 0) >= maxEvents;
      if (chars + size > maxPartChars || isFull) flushAll();
      const open = gathered.get(part.request) ?? { part: { ...part, events: [] }, chars: 0 };
      gathered.set(part.request, open);
      for (const event of part.events) join(open.part.events, event);
      if (part.end) open.part.end = part.end;
      open.chars += size;
      chars += size;
      if (!isUrgent) timer ??= clock.after(gatherMs(numbers.size), flushAll);
      else if (urgent.add(part.request).size === 1) clock.soon(flushUrgent);
    },
    drop(request) {
      chars -= gathered.get(request)?.chars ?? 0;
      gathered.delete(request);
      numbers.delete(request);
    },
    clear() {
      timer?.cancel();
      timer = null;
      gathered.clear();
      urgent.clear();
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
