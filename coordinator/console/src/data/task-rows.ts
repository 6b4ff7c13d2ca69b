// Tasks as lines of a table: pages of the API joined with the live feed. Pure.
import type { RouteQuery, TaskLine, TaskView } from '@blackroad/protocol';

export type TaskFilter = Pick<RouteQuery<'tasks'>, 'state' | 'agent' | 'node' | 'dead'>;

const isDead = ({ state }: Pick<TaskLine, 'state'>) => state === 'failed' || state === 'expired';
function fitsFilter(task: TaskLine, { state, agent, node, dead }: TaskFilter): boolean {
  return (
    (state === undefined || task.state === state) &&
    (agent === undefined || task.agent === agent) &&
    (node === undefined || task.node === node) &&
    (!dead || isDead(task))
  );
}
/** A whole task as a line of a table. */
export const lineOfTask = ({ problem, ...task }: TaskView): TaskLine => ({ ...task, problem: problem?.text ?? null });

/** Newest first; `readMs` is when the pages were read. A task that no longer fits (it has ended since the page was read) is left out. */
export function joined(
  pages: readonly TaskView[],
  live: readonly TaskLine[],
  filter: TaskFilter,
  readMs = Number.NEGATIVE_INFINITY,
): TaskLine[] {
  const all = new Map<string, TaskLine>(pages.map((task) => [task.id, lineOfTask(task)]));
  for (const line of live) {
    // A dead letter from before the pages were read that is not among them was dismissed or retried.
    if (filter.dead && !all.has(line.id) && (line.endedMs ?? Number.POSITIVE_INFINITY) < readMs) continue;
    all.set(line.id, line);
  }
  return [...all.values()].filter((task) => fitsFilter(task, filter)).sort((a, b) => (a.id < b.id ? 1 : -1));
}
