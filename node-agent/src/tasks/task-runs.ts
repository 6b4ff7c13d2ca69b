// The leases this node works on: each (task, attempt) runs once here, tokens are sent coalesced, the end is in the outbox until the
// coordinator has settled it. A task that ran when the process died is not here after a restart: the hello shows that, and the coordinator
// counts the attempt.
import {
  isOfPlace,
  leaseKey,
  maxChunkBytes,
  type TaskChunk,
  type TaskLease,
  type TaskReport,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { RunningAgent } from '../agents/agent.ts';
import { DeadlinePassed } from '../agents/deadline-passed.ts';
import type { TurnChunk, TurnEnd } from '../agents/turn.ts';
import type { Transport } from '../transport/transport.ts';
import { createLateEnds } from './late-ends.ts';

/** Fast enough for people who read along; a message for each token would cost a Pi one core. */
const chunkMs = 50;

/** Settled attempts that are remembered. A repeated delivery comes within seconds; a busy node settles ten a second. */
const maxRemembered = 2000;

interface Run {
  lease: TaskLease;
  abort: AbortController;
  local: TaskReport['local'];
}

interface TaskRunsParts {
  node: string;
  transport: Transport;
  agent: (id: string) => RunningAgent | null;
  clock: Clock;
  random: Random;
  log: Log;
}

export class TaskRuns {
  readonly #parts: TaskRunsParts;
  readonly #runs = new Map<string, Run>();
  readonly #unsettled: Set<string>;
  readonly #lateEnds: ReturnType<typeof createLateEnds>;
  /** Attempts whose end is settled: a lease that the network delivers again must not run again. Oldest first. */
  readonly #over = new Set<string>();

  constructor(parts: TaskRunsParts) {
    this.#parts = parts;
    const { transport, clock, random } = parts;
    this.#unsettled = new Set(transport.unsettledKeys());
    this.#lateEnds = createLateEnds({
      unsettled: this.#unsettled,
      again: (key) => transport.again(key),
      clock,
      random,
    });
  }

  /** Starts a lease, ignores one that is known, refuses one that cannot run here. */
  take(lease: TaskLease, local?: TaskReport['local']): void {
    const key = leaseKey(lease.task, lease.attempt);
    // [INV-one-run]
    if (this.#runs.has(key) || this.#unsettled.has(key) || this.#over.has(key)) return;
    const agent = this.#parts.agent(lease.agent);
    if (!agent || agent.assigned.epoch !== lease.epoch) {
      this.#refuse(lease, local, `agent ${lease.agent} does not run here under epoch ${lease.epoch}`);
      return;
    }
    // [INV-queue]
    if (agent.busy >= agent.assigned.spec.concurrency) {
      this.#refuse(lease, local, `agent ${agent.assigned.spec.name} works on ${agent.busy} tasks already`);
      return;
    }
    const run: Run = { lease, abort: new AbortController(), local };
    this.#runs.set(key, run);
    this.#work(agent, run).catch((error) => {
      this.#runs.delete(key);
      this.#parts.log.error({ err: error, task: lease.task }, 'a turn broke');
      const text = (error as Error).message.slice(0, 900);
      this.#report(run, { state: 'failed', problem: { code: 'internal', text, retryable: true } });
    });
  }

  cancel(task: string, attempt: number, reason: string): void {
    this.#runs.get(leaseKey(task, attempt))?.abort.abort(new Error(reason));
  }

  settled(tasks: readonly { task: string; attempt: number }[]): void {
    const keys = tasks.map(({ task, attempt }) => leaseKey(task, attempt));
    for (const key of keys) {
      if (!this.#unsettled.delete(key)) continue;
      this.#lateEnds.settled(key);
      this.#over.add(key);
      for (const oldest of this.#over) {
        if (this.#over.size <= maxRemembered) break;
        this.#over.delete(oldest);
      }
    }
    this.#parts.transport.settle(keys);
  }

  /** A new connection: the outbox sends all unsettled ends again. */
  connected(): void {
    this.#lateEnds.connected();
  }

  stop(): void {
    this.#lateEnds.stop();
  }

  /** Leases to name in a hello: running, or ended and not settled. */
  held(): { task: string; attempt: number }[] {
    return [...this.#runs.keys(), ...this.#unsettled].map((key) => {
      const dot = key.lastIndexOf('.');
      return { task: key.slice(0, dot), attempt: Number(key.slice(dot + 1)) };
    });
  }

  /** Keys of leases for a heartbeat, the oldest first; not of the node's own tasks. */
  heldKeys(limit: number): string[] {
    const keys = [...this.#unsettled];
    for (const [key, { local }] of this.#runs) if (!local) keys.push(key);
    return keys.slice(0, limit);
  }

  /** Whether a task that the node began itself runs. */
  isUnderWay(task: string): boolean {
    return this.#runs.has(leaseKey(task, 1));
  }

  get running(): number {
    return this.#runs.size;
  }

  #report(run: Run, end: Pick<TaskReport, 'state'> & Partial<TaskReport>): void {
    const { node, transport, log } = this.#parts;
    const { task, attempt, agent, epoch } = run.lease;
    const key = leaseKey(task, attempt);
    const message: TaskReport = {
      task,
      attempt,
      agent,
      epoch,
      ...end,
      ...(run.local ? { local: run.local } : {}),
    };
    this.#unsettled.add(key);
    if (transport.post(key, 'settled', 'taskReport', { node, task }, message)) {
      this.#lateEnds.posted();
      return;
    }
    // No longer held: the coordinator receives this refusal, or else misses the lease in a heartbeat or a hello, and leases the task again.
    this.#unsettled.delete(key);
    log.error({ task, attempt }, 'the outbox is full: the end of a task could not be kept, and its lease goes back');
    if (run.local) return;
    const problem = {
      code: 'end-not-stored',
      text: `${node} could not keep the end of this attempt.`,
      retryable: true,
    };
    transport.send('taskReport', { node, task }, { task, attempt, agent, epoch, state: 'refused', problem });
  }

  #refuse(lease: TaskLease, local: TaskReport['local'], text: string): void {
    const problem = { code: 'refused', text, retryable: true };
    this.#report({ lease, abort: new AbortController(), local }, { state: 'refused', problem });
  }

  async #work(agent: RunningAgent, run: Run): Promise<void> {
    const { node, transport, clock } = this.#parts;
    const { task, attempt, prompt, turns, images, trace, leftMs } = run.lease;
    const deadline = clock.after(leftMs, () => run.abort.abort(new DeadlinePassed()));
    const chunks = coalesce(clock, (chunk) => transport.send('taskChunk', { node, task }, { attempt, ...chunk }));
    const started = clock.after(250, () => {
      // A task of the node's own has no lease: the coordinator would answer its progress with a cancel.
      if (run.local) return;
      const { agent: name, epoch } = run.lease;
      transport.send('taskReport', { node, task }, { task, attempt, agent: name, epoch, state: 'running' });
    });
    try {
      const end = await agent.run(
        {
          task,
          attempt,
          prompt,
          ...(turns ? { turns } : {}),
          ...(images ? { images } : {}),
          ...(trace ? { trace } : {}),
          triggered: run.local !== undefined,
          signal: run.abort.signal,
        },
        chunks.add,
      );
      chunks.flush();
      this.#runs.delete(leaseKey(task, attempt));
      this.#report(run, shaped(end));
    } finally {
      started.cancel();
      deadline.cancel();
    }
  }
}

function shaped(end: TurnEnd): Pick<TaskReport, 'state'> & Partial<TaskReport> {
  if (end.state === 'done') return end;
  if (end.state === 'failed') {
    // Where the place is to blame, the lease is returned and the attempt does not count.
    const { problem, usage, trace } = end;
    const state = isOfPlace(problem.code) ? 'refused' : 'failed';
    return { state, problem, ...(usage ? { usage } : {}), ...(trace ? { trace } : {}) };
  }
  return { state: 'cancelled' };
}

/** Passes the first text on at once and later text in groups of `chunkMs`, cut below the size of a chunk. */
function coalesce(clock: Clock, pass: (chunk: Omit<TaskChunk, 'attempt'>) => void) {
  let waiting = '';
  let offset = 0;
  let timer: { cancel(): void } | null = null;
  const send = () => {
    while (waiting !== '') {
      // A character takes at most 3 bytes of UTF-8 for each UTF-16 unit.
      const text = waiting.slice(0, maxChunkBytes / 3);
      waiting = waiting.slice(text.length);
      pass({ offset, text });
      offset += text.length;
    }
  };
  const pause = () => {
    timer = clock.after(chunkMs, () => {
      timer = null;
      if (waiting === '') return;
      send();
      pause();
    });
  };
  const flush = () => {
    timer?.cancel();
    timer = null;
    send();
  };
  return {
    flush,
    add({ text, tool, retract }: TurnChunk) {
      if (retract) {
        const unsent = Math.min(retract, waiting.length);
        waiting = waiting.slice(0, waiting.length - unsent);
        if (retract > unsent) {
          send();
          offset -= retract - unsent;
          pass({ offset, text: '', retract: true });
        }
      }
      if (tool) {
        flush();
        pass({ offset, text: '', tool });
      }
      waiting += text;
      if (waiting.length >= maxChunkBytes / 3) send();
      else if (waiting !== '' && !timer) {
        send();
        pause();
      }
    },
  };
}
