// One side of the playground: what was asked and answered so far, and the answer that is under way. Nothing of it is kept when the page is
// left.
import { useCallback, useEffect, useRef, useState } from 'react';
import { askModel } from '../../data/ask-model.ts';
import { after, monotonicMs } from '../../data/clock.ts';
import { wordsOf } from '../../kit/words.ts';
import { type Answer, asked, withPiece } from './answer.ts';
import { requestOf, type Settings } from './request.ts';

export interface Said {
  prompt: string;
  answer: Answer;
}
/** For so long text is gathered before the page is drawn anew. */
const drawMs = 40;

export function useSide(model: string, settings: Settings) {
  const [said, setSaid] = useState<readonly Said[]>([]);
  const under = useRef<AbortController | null>(null);
  useEffect(() => () => under.current?.abort(), []);

  const run = useCallback(
    async (before: readonly Said[], prompt: string) => {
      under.current?.abort();
      const stop = new AbortController();
      under.current = stop;
      const beganMs = monotonicMs();
      let answer: Answer = asked;
      let waiting: (() => void) | null = null;
      const draw = () => {
        waiting?.();
        waiting = null;
        if (under.current === stop) setSaid([...before, { prompt, answer }]);
      };
      const show = (next: Answer) => {
        answer = next;
        draw();
      };
      const end = (state: Answer['state'], problem = '') =>
        show({ ...answer, state, problem, totalMs: monotonicMs() - beganMs });
      show(asked);
      try {
        const past = before.map(({ prompt, answer }) => ({ prompt, answer: answer.text }));
        const { from, pieces } = await askModel(requestOf(model, settings, past, prompt), stop.signal);
        show({ ...answer, from });
        for await (const piece of pieces) {
          answer = withPiece(answer, piece, monotonicMs() - beganMs);
          waiting ??= after(drawMs, draw);
        }
        end('done');
      } catch (error) {
        if (stop.signal.aborted) end('stopped');
        else end('failed', wordsOf(error));
      }
    },
    [model, settings],
  );
  const last = said.at(-1);
  return {
    said,
    isBusy: last?.answer.state === 'asking' || last?.answer.state === 'writing',
    ask: (prompt: string) => void run(said, prompt),
    again: () => last && void run(said.slice(0, -1), last.prompt),
    stop: () => under.current?.abort(),
    clear() {
      under.current?.abort();
      under.current = null;
      setSaid([]);
    },
  };
}
export type Side = ReturnType<typeof useSide>;
