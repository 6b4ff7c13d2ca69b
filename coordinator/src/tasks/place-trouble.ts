// An agent whose work its place turned down: the model server is away, a queue is full, a disk takes nothing. Its next lease waits,
// longer each time, and is one alone: it finds out whether the place is well again, so that a long queue is not turned down task by
// task. In: what a node says of an attempt. Out: perishable words about the agent; it is forgotten with the first work that is done.
import { isPlaceToAvoid, type TaskProblem } from '@blackroad/protocol';
import { failsThere, judgeRefusal } from '../fleet/model-faults.ts';
import { change, type Draft, leasedIn, setTask, waitingIn } from '../state/draft.ts';
import type { Placement, PlaceTrouble, TaskRow } from '../state/rows.ts';
import { agentNameOf, type View } from '../state/view.ts';

/** A place that is well again is found out within this time, also when it does not say so. */
const maxPlaceWaitMs = 30_000;
/** Turned down as often while the model there worked for others: then it is not the place. */
const refusalsBeforeDoubt = 2;
/** Word that a place is well again shortens the wait to this: it may be wrong each time. */
const minRestMs = 1000;
/** Waiting tasks of an agent that are looked at for the next try. */
const maxLookedAt = 100;

/** Doubles with every refusal in a row, and is drawn out by up to a half: agents that one server turned down must not come back at once. */
export function placeWaitMs(retryMs: number, inARow: number, { id, attempt }: TaskRow): number {
  const waitMs = Math.min(maxPlaceWaitMs, retryMs * 2 ** Math.min(Math.max(inARow, 1) - 1, 20));
  return Math.round((waitMs * (1 + share(`${id}.${attempt}`))) / 1.5);
}
/** In [0, 1/2], from the text alone: decisions know no chance. FNV-1a. */
function share(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) / 2 ** 33;
}

/** The place turned this attempt down. Out: how long the task waits. */
export function noteRefusal(draft: Draft, task: TaskRow, node: string, problem: TaskProblem, retryMs: number): number {
  const { nowMs } = draft;
  const before = troubleAt(draft, task.agent, node);
  // What was leased before the last refusal says nothing new.
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
/** Work was done there, or failed by itself. */
export function placeWorks(draft: Draft, agent: string): void {
  if (draft.placeTroubles.get(agent)) setTrouble(draft, agent, null);
}
/** Its word came right after a refusal: the next try is as soon as one may be, and not at the end of the long wait. */
export function placeMayBeBack(draft: Draft, agent: string, node: string): void {
  const trouble = troubleAt(draft, agent, node);
  if (!trouble) return;
  const fromMs = trouble.sinceMs + minRestMs;
  if (draft.nowMs >= fromMs || trouble.untilMs <= fromMs) return;
  setTrouble(draft, agent, { ...trouble, untilMs: fromMs });
  for (const task of waitingIn(draft, agent)) {
    if (task.notBeforeMs <= fromMs || refusalsOf(task, node) === 0) continue;
    // One wakes the agent.
    setTask(draft, { ...task, notBeforeMs: fromMs });
    return;
  }
}
/** Turned down again and again, while the model there worked for others since the last time. */
export function isOfWorkAfterAll({ view }: Draft, task: TaskRow, node: string): boolean {
  if (refusalsOf(task, node) < refusalsBeforeDoubt) return false;
  const model = view.agents.get(task.agent)?.placement?.model ?? '';
  const workedMs = view.modelWorked.get(node)?.get(model) ?? 0;
  return workedMs >= (task.past?.at(-1)?.endedMs ?? Number.POSITIVE_INFINITY);
}
/** How often in a row this node turned it down, as far as it is remembered. */
function refusalsOf({ past = [] }: TaskRow, node: string): number {
  let count = 0;
  for (let i = past.length - 1; i >= 0; i--) {
    const each = past[i];
    if (each?.outcome !== 'refused' || each.node !== node) break;
    count++;
  }
  return count;
}

/** Which of the waiting ones may go now; at most `free`. `isBack`: the place gave word that it may be well again. */
export function nextTasks(draft: Draft, agent: string, { node }: Placement, free: number, isBack: boolean): TaskRow[] {
  const { nowMs } = draft;
  const trouble = troubleAt(draft, agent, node);
  if (!trouble) return firstOf(draft, agent, node, free, isBack ? 1 : 0);
  if (nowMs < (isBack ? Math.min(trouble.untilMs, trouble.sinceMs + minRestMs) : trouble.untilMs)) return [];
  if (leasedIn(draft, agent).some(({ leasedMs }) => (leasedMs ?? 0) > trouble.sinceMs)) return [];
  return firstOf(draft, agent, node, maxLookedAt, isBack ? maxLookedAt : 0)
    .map((task) => ({ task, refusals: refusalsOf(task, node) }))
    .toSorted((a, b) => a.refusals - b.refusals)
    .slice(0, 1)
    .map(({ task }) => task);
}
/** In the order of the queue; `early` of those that wait for this place need not wait longer. */
function firstOf(draft: Draft, agent: string, node: string, count: number, early: number): TaskRow[] {
  const found: TaskRow[] = [];
  let left = early;
  for (const task of waitingIn(draft, agent)) {
    // Past its deadline: the tick ends it. [INV-deadline]
    if (task.deadlineMs <= draft.nowMs) continue;
    if (task.notBeforeMs > draft.nowMs) {
      const last = task.past?.at(-1);
      // Another place turned it down: it has not been tried here.
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
/** Why a task still waits, for whoever reads that its deadline passed; null: for its turn. */
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
  if (node && observed && observed.state !== 'ready')
    return `${name} is ${observed.state} on ${node}${observed.reason ? `: ${observed.reason}` : ''}`;
  return last ? `${last.node ?? 'the last time'}: ${last.text}` : null;
}
