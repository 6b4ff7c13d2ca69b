// No plan can place more agents than this: the linear relaxation of placement, over nodes of the same shape. Agents
// may be divided between nodes, contexts beyond the first of a model are free, order and scores do not matter. Solved by HiGHS.
import { maxAgentsPerNode } from '@blackroad/protocol';
import highs from 'highs';
import {
  bookedBy,
  extraBytes,
  findOffer,
  openRoom,
  type Use,
  usableBytes,
  useOf,
} from '../../coordinator/src/placement/model/room.ts';
import type { Demand, PlacementSnapshot, SupplyNode } from '../../coordinator/src/placement/model/supply.ts';
import { isRuled } from '../../coordinator/src/placement/rules/feasible.ts';

export async function lpBound({ nodes, demands }: PlacementSnapshot): Promise<number> {
  const usesLabels = demands.some(({ spec }) => Object.keys(spec.placement.labels).length > 0);
  const shapes = [...Map.groupBy(nodes, (node) => shapeOf(node, usesLabels)).values()].filter(
    ([node]) => !node!.closed,
  );
  const kinds = [...Map.groupBy(demands, kindOf).values()];
  const model = new LinearProgram();
  const seats = kinds.map(() => [] as string[]);
  for (const same of shapes) {
    const node = same[0]!;
    const room = openRoom(node);
    const [memory, compute, agents] = [
      model.row((room.freeBytes / GiB) * same.length),
      model.row(same.length),
      model.row(maxAgentsPerNode * same.length),
    ];
    const loaded = new Map<string, string>();
    const serving = new Map<string, number>();
    for (const [k, group] of kinds.entries()) {
      const { spec } = group[0]!;
      if (!isRuled(spec, node)) continue;
      const use = useOf(spec);
      for (const offer of new Set(spec.model.flatMap((wanted) => findOffer(room, wanted) ?? []))) {
        if (extraBytes(offer, use) > usableBytes(room, offer)) continue;
        const share = bookedBy(offer, use);
        const seat = model.variable(1);
        model.add(memory, seat, 0);
        model.add(compute, seat, share);
        model.add(agents, seat, 1);
        seats[k]!.push(seat);
        let load = loaded.get(offer.model.name);
        if (load === undefined) {
          load = model.variable(0, same.length);
          model.add(memory, load, extraBytes(offer, least(use)) / GiB);
          loaded.set(offer.model.name, load);
        }
        // A model that half of the nodes load serves at most what half of them could, each a whole number of agents.
        const key = `${offer.model.name} ${share}`;
        let served = serving.get(key);
        if (served === undefined) {
          served = model.row(0);
          model.add(
            served,
            load,
            -Math.min(maxAgentsPerNode, share > 0 ? Math.floor(1 / share + 1e-9) : maxAgentsPerNode),
          );
          serving.set(key, served);
        }
        model.add(served, seat, 1);
      }
    }
  }
  for (const [k, group] of kinds.entries()) {
    const row = model.row(group.length);
    for (const seat of seats[k]!) model.add(row, seat, 1);
  }
  return model.maximum();
}
const GiB = 1024 ** 3;
const least = (use: Use): Use => ({ ...use, contextTokens: 0 });

function shapeOf({ id: _, labels, ...rest }: SupplyNode, usesLabels: boolean): string {
  return JSON.stringify(usesLabels ? { ...rest, labels } : rest);
}
function kindOf({ spec }: Demand): string {
  return JSON.stringify([spec.model, spec.placement, useOf(spec)]);
}

/** Written in the LP text format, one row at a time. */
class LinearProgram {
  readonly #objective: string[] = [];
  readonly #rows: { parts: string[]; most: number }[] = [];
  readonly #bounds: string[] = [];
  #variables = 0;

  variable(gain: number, most?: number): string {
    const name = `x${this.#variables++}`;
    if (gain !== 0) this.#objective.push(`+ ${gain} ${name}`);
    if (most !== undefined) this.#bounds.push(`0 <= ${name} <= ${most}`);
    return name;
  }
  row(most: number): number {
    return this.#rows.push({ parts: [], most }) - 1;
  }
  add(row: number, variable: string, factor: number): void {
    if (factor !== 0) this.#rows[row]!.parts.push(`${factor < 0 ? '-' : '+'} ${Math.abs(factor)} ${variable}`);
  }
  async maximum(): Promise<number> {
    const rows = this.#rows
      .filter(({ parts }) => parts.length > 0)
      .map(({ parts, most }, i) => `r${i}: ${parts.join('\n ')} <= ${most}`);
    const text = [
      'Maximize',
      ` obj: ${this.#objective.join('\n ')}`,
      'Subject To',
      ...rows,
      'Bounds',
      ...this.#bounds,
      'End',
    ].join('\n');
    // Its types speak of a default export where the module is the function itself.
    const { Status, ObjectiveValue } = (await (highs as unknown as typeof highs.default)()).solve(text);
    if (Status !== 'Optimal') throw new Error(`the linear program is ${Status}`);
    return ObjectiveValue;
  }
}
