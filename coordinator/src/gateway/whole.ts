// An answer that is wanted whole: gathered from its events until its end.
import { FleetError, type Principal } from '@blackroad/protocol';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import type { AnswerSink, Ask, Told } from './ask.ts';
import { emptyAnswer, gather, type WholeAnswer } from './dialects/dialect.ts';
import type { Gateway } from './gateway.ts';

interface Whole {
  told: Told;
  answers: WholeAnswer[];
}

/** Resolves with all answers, rejects with the FleetError of the first that failed. `stop` ends the work; it settles nothing. */
export function wholeAnswer(gateway: Gateway, ask: Ask, by: Principal): { answer: Promise<Whole>; stop: () => void } {
  const answers = Array.from({ length: ask.answers }, emptyAnswer);
  let told: Told | null = null;
  let stop = () => {};
  const answer = new Promise<Whole>((resolve, reject) => {
    const sink: AnswerSink = {
      begin: (given) => {
        told = given;
      },
      event: (at, event) => gather(answers[at] as WholeAnswer, event),
      end: (at, reason, usage) => Object.assign(answers[at] as WholeAnswer, { reason, usage }),
      done: () => resolve({ told: told as unknown as Told, answers }),
      fail: reject,
    };
    stop = gateway.answer(ask, by, sink);
  });
  return { answer, stop };
}

/** The same within a time, after which the work is ended. */
export async function wholeWithin(
  { gateway, clock }: { gateway: Gateway; clock: Clock },
  ask: Ask,
  { by, withinMs, what }: { by: Principal; withinMs: number; what: string },
): Promise<Whole> {
  const { answer, stop } = wholeAnswer(gateway, ask, by);
  const late = () =>
    new FleetError('deadline-passed', { detail: `${ask.models.join(', ')}: no ${what} in ${withinMs / 1000} s` });
  try {
    return await withDeadline(clock, withinMs, answer, late);
  } catch (error) {
    stop();
    throw error;
  }
}
