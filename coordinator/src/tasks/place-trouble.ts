// An agent whose tasks its place refused: the model server is down, a queue is full, a disk refuses writes. Its next lease waits, longer
// each time, and is a single one: it tests whether the place works again, so that a long queue is not refused task by task. In: the report
// of an attempt. Out: perishable rows about the agent, which end with the first task that is done.
import { isPlaceToAvoid, type TaskProblem } from '@blackroad/protocol';
import { booksOf } from '../budgets/books.ts';
import { taskStop } from '../budgets/task-budgets.ts';
import { failsThere, judgeRefusal } from '../fleet/model-faults.ts';
import { change, type Draft, leasedIn, setTask, waitingIn } from '../state/draft.ts';
import type { Placement, PlaceTrouble, TaskRow } from '../state/rows.ts';
import { agentNameOf, type View } from '../state/view.ts';

/** The longest wait between two tests of a place that does not report its recovery. */
const maxPlaceWaitMs = 30_000;
/** After as many refusals, while the model there worked for other tasks, the task is the cause and not the place. */
const refusalsBeforeDoubt = 2;
/** A report that a place works again shortens the wait only to this: each such report may be wrong. */
const minRestMs = 1000;
/** The number of waiting tasks of an agent that are examined for the next test. */
const maxLookedAt = 100;

/**
 * The wait doubles with every refusal in a row, with up to half of it as jitter: agents that one server refused must not retry at the same
 * time.
 */
export function placeWaitMs(retryMs: number, inARow: number, { id, attempt }: TaskRow): number {
  const waitMs = Math.min(maxPlaceWaitMs, retryMs * 2 ** Math.min(Math.max(inARow, 1) - 1, 20));
  return Math.round((waitMs * (1 + share(`${id}.${attempt}`))) / 1.5);
}
/** A number in [0, 1/2] computed from the text, as decisions are deterministic. FNV-1a. */
function share(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) / 2 ** 33;
}

/** Records the refusal of this attempt by its place. Out: the wait of the task. */
export function noteRefusal(draft: Draft, task: TaskRow, node: string, problem: TaskProblem, retryMs: number): number {
  const { nowMs } = draft;
  const before = troubleAt(draft, task.agent, node);
  // A lease from before the last refusal tells nothing new about the place.
  const isNews = !before || (task.leasedMs ?? 0) > before.sinceMs;
  const inARow = isNews ? (before?.inARow ?? 0) + 1 : (before as PlaceTrouble).inARow;
  const waitMs = placeWaitMs(retryMs, inARow, task);
  const untilMs = Math.max(before?.untilMs ?? 0, nowMs + waitMs);
  const avoid = isPlaceToAvoid(problem.code);
  const trouble: PlaceTrouble = { node, inARow, sinceMs: nowMs, untilMs, avoid };
  setTrouble(draft, task.agent, trouble);
  if (failsThere(trouble)) judgeRefusal(draft, task.agent, node, problem.text);
  return Math.max(waitMs, refusalsOf(task, node) === 0 ? 0 : placeWaitMs(retryMs, refusalsOf(task, node) + 1, task));
}
/** Ends the trouble: a task was done there, or failed for its own reasons. */
export function placeWorks(draft: Draft, agent: string): void {
  if (draft.placeTroubles.get(agent)) setTrouble(draft, agent, null);
}
/** A report of recovery right after a refusal: the next test comes at the shortest wait, not at the end of the long one. */
export function placeMayBeBack(draft: Draft, agent: string, node: string): void {
  const trouble = troubleAt(draft, agent, node);
  if (!trouble) return;
  const fromMs = trouble.sinceMs + minRestMs;
  if (draft.nowMs >= fromMs || trouble.untilMs <= fromMs) return;
  setTrouble(draft, agent, { ...trouble, untilMs: fromMs });
  for (const task of waitingIn(draft, agent)) {
    if (task.notBeforeMs <= fromMs || refusalsOf(task, node) === 0) continue;
    // One task is enough to start the next test.
    setTask(draft, { ...task, notBeforeMs: fromMs });
    return;
  }
}
/** Whether the task itself is the cause: it was refused repeatedly, while the model there worked for other tasks since the last refusal. */
export function isOfWorkAfterAll({ view }: Draft, task: TaskRow, node: string): boolean {
  if (refusalsOf(task, node) < refusalsBeforeDoubt) return false;
  const model = view.agents.get(task.agent)?.placement?.model ?? '';
  const workedMs = view.modelWorked.get(node)?.get(model) ?? 0;
  return workedMs >= (task.past?.at(-1)?.endedMs ?? Number.POSITIVE_INFINITY);
}
/** The number of refusals in a row by this node, within the stored attempts. */
function refusalsOf({ past = [] }: TaskRow, node: string): number {
  let count = 0;
  for (let i = past.length - 1; i >= 0; i--) {
    const each = past[i];
    if (each?.outcome !== 'refused' || each.node !== node) break;
    count++;
  }
  return count;
}

/** The waiting tasks that may be leased now; at most `free`. `isBack`: the place reported that it may work again. */
export function nextTasks(draft: Draft, agent: string, placement: Placement, free: number, isBack: boolean): TaskRow[] {
  const { nowMs } = draft;
  const { node } = placement;
  const trouble = troubleAt(draft, agent, node);
  if (!trouble) return firstOf(draft, agent, placement, free, isBack ? 1 : 0);
  if (nowMs < (isBack ? Math.min(trouble.untilMs, trouble.sinceMs + minRestMs) : trouble.untilMs)) return [];
  if (leasedIn(draft, agent).some(({ leasedMs }) => (leasedMs ?? 0) > trouble.sinceMs)) return [];
  return firstOf(draft, agent, placement, maxLookedAt, isBack ? maxLookedAt : 0)
    .map((task) => ({ task, refusals: refusalsOf(task, node) }))
    .toSorted((a, b) => a.refusals - b.refusals)
    .slice(0, 1)
    .map(({ task }) => task);
}
/**
 * The first waiting tasks in the order of the queue; up to `early` of the tasks that wait for this place are included before their time.
 */
function firstOf(draft: Draft, agent: string, placement: Placement, count: number, early: number): TaskRow[] {
  const { node } = placement;
  const found: TaskRow[] = [];
  let left = early;
  const books = booksOf(draft);
  for (const task of waitingIn(draft, agent)) {
    // A task whose budget is used up does not keep the others waiting.
    if (taskStop(draft, books, task, placement) !== null) continue;
    // The tick ends a task that is past its deadline. [INV-deadline]
    if (task.deadlineMs <= draft.nowMs) continue;
    if (task.notBeforeMs > draft.nowMs) {
      const last = task.past?.at(-1);
      // A task that another place refused has not been tried here, so it need not wait.
      const isElsewhere = last?.outcome === 'refused' && last.node !== node;
      if (!isElsewhere && (last?.outcome !== 'refused' || left-- <= 0)) continue;
    }
    found.push(task);
    if (found.length === count) break;
  }
  return found;
}

function troubleAt(draft: Draft, agent: string, node: string): Readonly<PlaceTrouble> | null {
  const trouble = draft.placeTroubles.get(agent);
  return trouble?.node === node ? trouble : null;
}
function setTrouble(draft: Draft, agent: string, trouble: PlaceTrouble | null): void {
  if (trouble) draft.placeTroubles.set(agent, trouble);
  else draft.placeTroubles.delete(agent);
  change(draft, { type: 'place-trouble', agent, trouble });
}
/** The reason why a task still waits, for the text of its passed deadline; null: it waits for its turn. */
export function whyWaiting(view: View, task: TaskRow): string | null {
  const agent = view.agents.get(task.agent);
  const name = agentNameOf(view, task.agent);
  const last = task.past?.at(-1);
  if (agent && !agent.placement)
    return `${name} is on no node: ${agent.unplaced?.text ?? 'a place is being looked for'}`;
  if (last && last.outcome !== 'failed') return `${last.node ?? 'the last time'}: ${last.text}`;
  const node = agent?.placement?.node;
  const observed = view.observed.get(task.agent);
  if (node && view.nodes.get(node)?.presence !== 'online') return `its node ${node} is away`;
  const stop = taskStop(view, view, task, agent?.placement ?? null);
  if (stop) return stop.text;
  if (node && observed && observed.state !== 'ready')
    return `${name} is ${observed.state} on ${node}${observed.reason ? `: ${observed.reason}` : ''}`;
  return last ? `${last.node ?? 'the last time'}: ${last.text}` : null;
}
