// The rows of the console's tables: pure functions from the view to the fields that a line of ten thousand needs. Figures move in steps,
// and only when they differ by a step from the last ones sent: a heartbeat without news changes no row.
import {
  type AgentLine,
  conditionNames,
  type NodeLine,
  type NodeView,
  type OsUpdates,
  type TaskLine,
} from '@blackroad/protocol';
import { nodeConditions } from '../../fleet/conditions.ts';
import { onlyOn, stayingOn } from '../../fleet/draining.ts';
import { type EndedTask, isEnded, type TaskRow } from '../../state/rows.ts';
import { agentNameOf, type View } from '../../state/view.ts';
import { agentState } from '../show.ts';

const shareStep = 0.05;
const temperatureStepC = 2;
const memorySteps = 32;
const maxLineText = 160;
const maxTaskText = 200;

const cut = (text: string, at: number) => (text.length > at ? `${text.slice(0, at)}…` : text);

/** `before` while the value is within a step of it, else the nearest step. */
function steady(before: number | null | undefined, value: number | null | undefined, step: number): number | null {
  if (value === null || value === undefined || !Number.isFinite(value)) return null;
  if (before !== null && before !== undefined && Math.abs(value - before) < step) return before;
  // Steps of .05 have no exact form: two digits are enough for all of them.
  return step < 1 ? Math.round(Math.round(value / step) * step * 100) / 100 : Math.round(value / step) * step;
}

export function nodeLine(view: View, id: string, before: NodeLine | undefined): NodeLine | null {
  const row = view.nodes.get(id);
  if (!row) return null;
  const live = view.live.get(id);
  const health = live?.health ?? null;
  const capacity = live?.capacity ?? null;
  const conditions = nodeConditions(view, id);
  const [worst] = conditions;
  const total = capacity?.memoryTotalBytes ?? null;
  let utilisation = 0;
  let hottest = health?.temperatureC;
  for (const gpu of health?.gpus ?? []) {
    utilisation += gpu.utilisation;
    if (gpu.temperatureC !== undefined && (hottest === undefined || gpu.temperatureC > hottest))
      hottest = gpu.temperatureC;
  }
  const gpus = health?.gpus?.length ?? 0;
  const models: string[] = [];
  for (const model of capacity?.models ?? []) if (model.resident) models.push(model.name);
  const { osUpdates } = row.info ?? {};
  const sameTotal = before?.memoryTotalBytes === total;
  return {
    id,
    class: row.class,
    site: row.site,
    labels: row.labels as NodeLine['labels'],
    status: row.status,
    presence: row.presence,
    sinceMs: row.presenceSinceMs,
    reason: cut(row.status === 'quarantined' ? row.quarantineReason : row.presenceReason, maxLineText),
    lastSeenMs: row.presence === 'online' ? null : (live?.lastSeenMs ?? null),
    cordoned: row.cordoned,
    draining: row.draining,
    simulated: row.simulated || row.info?.simulated === true,
    // These figures change with every heartbeat; the page of the node has them.
    condition: worst
      ? {
          code: worst.code,
          severity: worst.severity,
          text: conditionNames[worst.code],
          more: conditions.length - 1,
        }
      : null,
    cpu: steady(before?.cpu, health?.cpu, shareStep),
    memoryTotalBytes: total,
    memoryFreeBytes:
      total === null || capacity === null
        ? null
        : steady(
            sameTotal ? before?.memoryFreeBytes : null,
            capacity.memoryFreeBytes,
            Math.max(1, Math.round(total / memorySteps)),
          ),
    temperatureC: steady(before?.temperatureC, hottest, temperatureStepC),
    gpu: gpus === 0 ? null : steady(before?.gpu, utilisation / gpus, shareStep),
    models,
    osUpdates: osUpdates ? pendingOf(osUpdates) : null,
    agents: view.agentsByNode.get(id)?.size ?? 0,
    staying: stayingOn(view, id).length,
    // This figure changes with every memory, so only draining nodes have it.
    onlyHere: row.draining ? onlyOn(view, id) : null,
    tasksRunning: view.leasesByNode.get(id)?.size ?? 0,
  } satisfies NodeLine & { presence: NodeView['presence'] };
}

function pendingOf({ security, others, restart }: OsUpdates): NodeLine['osUpdates'] {
  return { restart, ...(security === undefined ? {} : { security, others: others ?? 0 }) };
}

export function agentLine(view: View, id: string, branches: ReadonlyMap<string, number>): AgentLine | null {
  const row = view.agents.get(id);
  if (!row) return null;
  const { state, reason, reasonCode, progress } = agentState(view, row);
  const work = view.work.get(id);
  const observed = view.observed.get(id);
  const tellsWhenReady = row.placement?.leaving !== undefined || reasonCode === 'memory-fetching';
  return {
    name: row.spec.name,
    state,
    node: row.placement?.node ?? null,
    model: row.placement ? (observed?.model ?? row.placement.model) : null,
    version: row.version,
    priority: row.spec.priority,
    waiting: work?.waiting.length ?? 0,
    running: work?.leased.size ?? 0,
    branches: branches.get(id) ?? 0,
    changedMs: row.changedMs ?? row.createdMs,
    text: reason === undefined || (state === 'ready' && !tellsWhenReady) ? null : cut(reason, maxLineText),
    ...(reasonCode === undefined ? {} : { reasonCode }),
    ...(progress === undefined ? {} : { progress }),
  };
}

export function taskLine(view: View, row: TaskRow | EndedTask): TaskLine {
  const ended = isEnded(row) ? row : null;
  const result = ended?.result || null;
  const problem = ended?.problem?.text ?? null;
  const isCut = [row.prompt, result, problem].some((text) => text !== null && text.length > maxTaskText);
  return {
    id: row.id,
    agent: agentNameOf(view, row.agent),
    state: row.state,
    prompt: cut(row.prompt, maxTaskText),
    result: result === null ? null : cut(result, maxTaskText),
    problem: problem === null ? null : cut(problem, maxTaskText),
    priority: row.priority,
    origin: row.origin,
    attempt: row.attempt,
    attempts: row.attempts,
    node: row.node,
    createdMs: row.createdMs,
    leasedMs: row.leasedMs,
    endedMs: ended?.endedMs ?? null,
    usage: ended?.usage ?? null,
    ...(row.by === undefined ? {} : { by: row.by }),
    ...(isCut ? { isCut } : {}),
  };
}
