// One question over HTTP, until its answer or a Trouble. The question has a name of its own (idempotency key): it is sent again after a
// connection that broke, or a coordinator that restarted, and stays one task, which is followed on.
import type { TaskChunk, TaskView } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { Answer, Piece, Question } from './door.ts';
import type { Requests } from './requests.ts';
import { Trouble } from './trouble.ts';

/** So long a question waits for a coordinator that is away, or has no room, to take it. A restart takes some seconds. */
export const patienceMs = 20_000;
/** The coordinator ends the task at its deadline, and says so. */
const graceMs = 5_000;
const cancelMs = 3_000;
const again: Backoff = { firstMs: 250, maxMs: 3_000 };

interface AskParts {
  requests: Requests;
  clock: Clock;
  random: Random;
}

export async function askOverHttp(
  { requests, clock, random }: AskParts,
  { agent, prompt, seconds }: Question,
  onPiece: (piece: Piece) => void,
  signal: AbortSignal,
): Promise<Answer> {
  const path = `/v1/agents/${encodeURIComponent(agent)}/tasks`;
  const body = { prompt, deadlineSeconds: seconds, idempotencyKey: `node-red-${random.hex(16)}` };
  const startMs = clock.monotonicMs();
  let task: string | null = null;
  let last: Trouble | null = null;
  const limit = createLimit(clock, signal);
  limit.at(Math.min(patienceMs, seconds * 1000));

  const read = async (): Promise<Answer> => {
    for await (const { event, data } of requests.events({ method: 'POST', path, body, signal: limit.signal })) {
      if (event === 'task' && task === null) {
        task = (data as TaskView).id;
        limit.at(seconds * 1000 - (clock.monotonicMs() - startMs) + graceMs);
      } else if (event === 'chunk' && task !== null) onPiece(pieceOf(task, data as TaskChunk));
      else if (event === 'end') return answerOf(data as TaskView);
    }
    throw new Trouble('away', 'the answer broke off');
  };

  try {
    for (let tries = 0; ; tries++) {
      try {
        return await read();
      } catch (error) {
        if (limit.signal.aborted || !(error instanceof Trouble) || !error.mayPass) throw error;
        last = error;
        await sleep(clock, Math.max(backoffMs(again, tries, random), error.retryAfterMs), limit.signal);
      }
    }
  } catch (error) {
    if (!limit.signal.aborted) throw error;
    await cancel(requests, clock, task, { path, body }).catch(() => {});
    if (signal.aborted) throw new Trouble('stopped', 'the flow was stopped before the answer');
    throw lateTrouble(task, last, seconds);
  } finally {
    limit.end();
  }
}

function lateTrouble(task: string | null, last: Trouble | null, seconds: number): Trouble {
  if (task !== null) return new Trouble('late', `no answer within ${seconds} s (task ${task})`);
  const waitedS = Math.min(patienceMs / 1000, seconds);
  const why = last === null ? 'it does not answer' : last.message;
  return new Trouble(last?.kind ?? 'away', `the question was not taken within ${waitedS} s: ${why}`);
}

/** A time after which, or a signal with which, a request ends. */
function createLimit(clock: Clock, signal: AbortSignal) {
  const stop = new AbortController();
  const abort = () => stop.abort();
  let timer = { cancel() {} };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return {
    signal: stop.signal,
    at(ms: number) {
      timer.cancel();
      timer = clock.after(Math.max(0, ms), abort, true);
    },
    end() {
      timer.cancel();
      signal.removeEventListener('abort', abort);
    },
  };
}

/** Where the task's id did not come back, the question is sent once more for it: it may have been taken. */
async function cancel(
  requests: Requests,
  clock: Clock,
  task: string | null,
  { path, body }: { path: string; body: object },
): Promise<void> {
  const limit = createLimit(clock, new AbortController().signal);
  limit.at(cancelMs);
  const { signal } = limit;
  try {
    const id = task ?? ((await requests.json({ method: 'POST', path, body, signal })) as TaskView).id;
    await requests.json({ method: 'POST', path: `/v1/tasks/${encodeURIComponent(id)}/cancel`, signal });
  } finally {
    limit.end();
  }
}

function pieceOf(task: string, { attempt, offset, text, tool, retract = false }: TaskChunk): Piece {
  return { task, attempt, from: offset, text, isTakenBack: retract, tool: tool ?? null };
}
function answerOf({ id, state, result, problem, node, truncated, usage }: TaskView): Answer {
  if (state === 'done') return { text: result ?? '', task: id, node, isTruncated: truncated, usage };
  const why = problem?.text ?? (state === 'cancelled' ? 'somebody cancelled it' : 'no reason was given');
  const more = problem ? { code: problem.code } : {};
  if (state === 'expired') throw new Trouble('late', `task ${id}: ${why}`, more);
  throw new Trouble('failed', `task ${id} ${state === 'cancelled' ? 'was cancelled' : 'failed'}: ${why}`, more);
}
