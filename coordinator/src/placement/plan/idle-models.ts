// Scale to zero: loaded chat models without use for a long time are unloaded. Their agents stay on their nodes; the next task loads the
// model again.
import type { Policy } from '../../state/input.ts';
import type { View } from '../../state/view.ts';

/** Runtimes that can free the memory of a model; the others took it at their start. */
const unloadable: ReadonlySet<string> = new Set(['ollama', 'llama', 'simulated']);

/** The time since its last use, since it was loaded, or since this coordinator started and received a report. */
export function idleForMs(view: View, node: string, model: string, nowMs: number): number {
  return nowMs - Math.max(view.startedMs, view.modelUse.get(node)?.get(model) ?? 0);
}

export function isIdleModel(view: View, node: string, model: string, nowMs: number, policy: Policy): boolean {
  if (policy.modelIdleMs <= 0 || idleForMs(view, node, model, nowMs) < policy.modelIdleMs) return false;
  if (view.nodes.get(node)?.presence !== 'online' || view.nodes.get(node)?.status !== 'active') return false;
  const live = view.live.get(node);
  const known = live?.helloBoot == null ? undefined : live.capacity?.models.find(({ name }) => name === model);
  if (!known?.resident || known.kind !== 'chat' || !unloadable.has(known.runtime)) return false;
  for (const agent of view.agentsByNode.get(node) ?? []) {
    const work = view.work.get(agent);
    if (work && work.leased.size + work.waiting.length > 0 && view.agents.get(agent)?.placement?.model === model)
      return false;
  }
  return true;
}

export function idleModels(view: View, nowMs: number, policy: Policy): { node: string; model: string }[] {
  if (policy.modelIdleMs <= 0) return [];
  const idle: { node: string; model: string }[] = [];
  for (const [node, models] of view.modelUse)
    for (const model of models.keys()) if (isIdleModel(view, node, model, nowMs, policy)) idle.push({ node, model });
  return idle;
}
