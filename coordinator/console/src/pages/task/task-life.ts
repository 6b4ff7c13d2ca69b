// One task's life as phases on a line of time: waiting, each attempt with its node and how it went. Pure: the time now comes in.
import type { TaskView } from '@blackroad/protocol';
import { isOpen } from '../tasks/task-states.ts';

export interface Phase {
  kind: 'wait' | 'attempt';
  fromMs: number;
  toMs: number;
  /** It is not over. */
  open: boolean;
  attempt: number | null;
  node: string | null;
  /** A word of kit/looks.ts, for attempts. */
  outcome: string | null;
  text: string;
  /** When its first token came; null where that is not known. */
  firstTokenMs: number | null;
}

export function phasesOf(task: TaskView, nowMs: number): Phase[] {
  const phases: Phase[] = [];
  const endMs = task.endedMs ?? Math.max(nowMs, task.createdMs);
  let atMs = task.createdMs;
  const wait = (toMs: number, open: boolean, text: string) => {
    if (toMs <= atMs && !open) return;
    phases.push({
      kind: 'wait',
      fromMs: atMs,
      toMs: Math.max(atMs, toMs),
      open,
      attempt: null,
      node: null,
      outcome: null,
      text,
      firstTokenMs: null,
    });
  };
  const waiting = () =>
    phases.some(({ kind }) => kind === 'attempt') ? 'waited for another attempt' : 'waited in the queue';
  for (const { attempt, node, leasedMs, endedMs, outcome, text } of task.past) {
    const fromMs = Math.max(atMs, leasedMs ?? endedMs);
    wait(fromMs, false, waiting());
    phases.push({
      kind: 'attempt',
      fromMs,
      toMs: Math.max(fromMs, endedMs),
      open: false,
      attempt,
      node,
      outcome: outcome === 'failed' ? 'failed' : outcome === 'lost' ? 'lost' : 'refused',
      text,
      firstTokenMs: null,
    });
    atMs = Math.max(fromMs, endedMs);
  }
  const last = task.past.at(-1);
  const leased = task.leasedMs !== null && task.leasedMs >= atMs && !(last && last.leasedMs === task.leasedMs);
  if (leased && task.leasedMs !== null) {
    wait(task.leasedMs, false, waiting());
    const first = task.usage
      ? task.leasedMs + (endMs - task.leasedMs - task.usage.totalMs) + task.usage.firstTokenMs
      : null;
    phases.push({
      kind: 'attempt',
      fromMs: task.leasedMs,
      toMs: endMs,
      open: isOpen(task),
      attempt: task.attempt,
      node: task.node,
      outcome: task.state,
      text: task.problem?.text ?? '',
      firstTokenMs: first === null ? null : Math.min(endMs, Math.max(task.leasedMs, first)),
    });
  } else wait(endMs, isOpen(task), isOpen(task) ? 'waits in the queue' : waiting());
  return phases;
}
