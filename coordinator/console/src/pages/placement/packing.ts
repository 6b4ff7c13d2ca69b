// The fleet as boxes: each node's memory for models, and its content, from the live lines and the sizes of models; and the same after a
// plan. Pure.
import type { Catalogue, NodeLine, NodeSelector, WhatIfPlan } from '@blackroad/protocol';
import { neededBytes } from '../../fleet/fit.ts';
import { sortKey } from '../../kit/columns.ts';

type Mark = 'open' | 'closed' | 'away' | 'lost';
export interface Packed {
  id: string;
  class: string;
  site: string;
  /** 0: no memory for models, or not known. */
  totalBytes: number;
  weights: { model: string; bytes: number }[];
  /** Contexts of agents, and what else takes of that memory. */
  restBytes: number;
  agents: number;
  mark: Mark;
  /** Agents that would come (or go, below 0); null: the plan does not touch it. */
  change: number | null;
}
export type Sizes = ReadonlyMap<string, number>;
export const sizesOf = ({ models }: Catalogue): Sizes =>
  new Map(models.map((model) => [model.name, neededBytes(model)]));

export const usedBytes = ({ weights, restBytes }: Packed): number =>
  weights.reduce((sum, { bytes }) => sum + bytes, restBytes);

function fill(models: readonly string[], usedBytes: number, totalBytes: number, sizes: Sizes) {
  let left = totalBytes;
  const weights = models.map((model) => {
    const bytes = Math.min(left, sizes.get(model) ?? 0);
    left -= bytes;
    return { model, bytes };
  });
  const held = totalBytes - left;
  return { weights, restBytes: Math.max(0, Math.min(totalBytes, usedBytes) - held) };
}

/** A plan counts models in use; those that are loaded and idle stay where there is room for them. */
function withIdle(
  { weights, restBytes }: Pick<Packed, 'weights' | 'restBytes'>,
  loaded: readonly string[],
  totalBytes: number,
  sizes: Sizes,
) {
  const all = [...weights];
  let left = totalBytes - weights.reduce((sum, { bytes }) => sum + bytes, restBytes);
  for (const model of loaded) {
    const bytes = sizes.get(model) ?? 0;
    if (bytes > left || all.some((each) => each.model === model)) continue;
    all.push({ model, bytes });
    left -= bytes;
  }
  return { weights: all, restBytes };
}

const withRest = (node: Packed, bytes: number): Packed => ({
  ...node,
  restBytes: node.restBytes + Math.min(bytes, Math.max(0, node.totalBytes - usedBytes(node))),
});

export function packLine(line: NodeLine, sizes: Sizes): Packed {
  const { id, site, presence, status, memoryTotalBytes, memoryFreeBytes, models, agents, cordoned, draining } = line;
  const totalBytes = memoryTotalBytes ?? 0;
  const used = memoryFreeBytes === null ? 0 : totalBytes - memoryFreeBytes;
  return {
    id,
    class: line.class,
    site,
    totalBytes,
    ...fill(models, used, totalBytes, sizes),
    agents,
    mark: presence !== 'online' || status !== 'active' ? 'away' : cordoned || draining ? 'closed' : 'open',
    change: null,
  };
}

function isSelected(line: Pick<NodeLine, 'id' | 'site' | 'class' | 'labels'>, by: NodeSelector): boolean {
  return (
    (by.node === undefined || line.id === by.node) &&
    (by.site === undefined || line.site === by.site) &&
    (by.class === undefined || line.class === by.class) &&
    Object.entries(by.labels ?? {}).every(([key, value]) => line.labels[key] === value)
  );
}

/** What the plan says of a node stands in both pictures; a node it does not name is the same in both. */
export function packPlan(
  lines: readonly NodeLine[],
  plan: WhatIfPlan,
  lose: readonly NodeSelector[],
  sizes: Sizes,
): { before: Packed[]; after: Packed[] } {
  const planned = new Map(plan.nodes.map((node) => [node.node, node]));
  const before: Packed[] = [];
  const after: Packed[] = [];
  for (const line of lines) {
    const now = packLine(line, sizes);
    const node = planned.get(line.id);
    // The plan names the thousand most changed; who is lost is known from the question as well.
    const lost = node?.lost ?? lose.some((by) => isSelected(line, by));
    if (!node) {
      before.push(now);
      after.push(lost ? { ...now, mark: 'lost', weights: [], restBytes: 0, agents: 0, change: -now.agents } : now);
      continue;
    }
    const total = node.memoryTotalBytes;
    const side = (filling: typeof node.before): Packed => ({
      ...now,
      totalBytes: total,
      ...withIdle(fill(filling.models, filling.memoryBytes, total, sizes), line.models, total, sizes),
      agents: filling.agents,
    });
    const was = side(node.before);
    // What else takes of that memory is no part of the plan, and stays.
    const elseBytes = Math.max(0, usedBytes(now) - usedBytes(was));
    before.push(withRest(was, elseBytes));
    const change = node.after.agents - node.before.agents;
    if (lost) after.push({ ...now, mark: 'lost', weights: [], restBytes: 0, agents: 0, change });
    else after.push({ ...withRest(side(node.after), elseBytes), change });
  }
  return { before, after };
}

/**
 * Sites by name, nodes within by class and name: nothing moves when a figure changes. Those of `first` stand before the others: where a
 * plan loses something is where a person looks.
 */
export function bySite(nodes: readonly Packed[], first?: ReadonlySet<string>): [site: string, nodes: Packed[]][] {
  const sites = new Map<string, Packed[]>();
  for (const node of nodes) {
    const here = sites.get(node.site);
    if (here) here.push(node);
    else sites.set(node.site, [node]);
  }
  for (const here of sites.values())
    here.sort((a, b) => (a.class === b.class ? order(a.id, b.id) : order(a.class, b.class)));
  return [...sites].sort(
    ([a], [b]) => Number(first?.has(b) ?? false) - Number(first?.has(a) ?? false) || order(siteKey(a), siteKey(b)),
  );
}
const siteKey = (site: string) => String(sortKey(site));
const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
