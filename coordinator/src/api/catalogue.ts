// The models of the whole fleet, from what nodes report and agents ask for: a pure fold over the view, run in slices.
import { type Catalogue, type CatalogueModel, maxCatalogueNodes, type RuntimeKind } from '@blackroad/protocol';
import type { View } from '../view.ts';

interface ClassSums {
  nodes: number;
  resident: number;
  decode: number;
  prefill: number;
  measured: number;
}
interface Gathered {
  model: CatalogueModel;
  runtimes: Set<string>;
  classes: Map<string, ClassSums>;
}

export function* catalogue(view: View): Generator<void, Catalogue> {
  const gathered = new Map<string, Gathered>();
  const aliases = new Map<string, string>();
  const rooms = new Map<string, { nodes: number; memoryBytes: number; pulls: Set<RuntimeKind> }>();
  for (const [id, { capacity }] of view.live) {
    const row = view.nodes.get(id);
    if (!row || !capacity) continue;
    const room = rooms.get(row.class) ?? { nodes: 0, memoryBytes: 0, pulls: new Set() };
    rooms.set(row.class, room);
    room.nodes++;
    room.memoryBytes = Math.max(room.memoryBytes, capacity.memoryTotalBytes);
    for (const runtime of capacity.pulls ?? []) room.pulls.add(runtime);
    for (const model of capacity.models) {
      let own = gathered.get(model.name);
      if (!own) {
        own = { model: emptyModel(model.name, model.kind), runtimes: new Set(), classes: new Map() };
        gathered.set(model.name, own);
      }
      const { model: sum } = own;
      for (const alias of model.aliases) if (!aliases.has(alias)) aliases.set(alias, model.name);
      own.runtimes.add(model.runtime);
      sum.parametersB = Math.max(sum.parametersB, model.parametersB);
      sum.contextTokens = Math.max(sum.contextTokens, model.contextTokens);
      sum.tools ||= model.tools;
      sum.sizeBytes = Math.max(sum.sizeBytes, model.sizeBytes);
      sum.residentBytes = Math.max(sum.residentBytes, model.resident ? model.residentBytes : 0);
      sum.nodesOnDisk++;
      if (model.resident) sum.nodesResident++;
      let ofClass = own.classes.get(row.class);
      if (!ofClass) {
        ofClass = { nodes: 0, resident: 0, decode: 0, prefill: 0, measured: 0 };
        own.classes.set(row.class, ofClass);
      }
      ofClass.nodes++;
      if (model.resident) ofClass.resident++;
      ofClass.decode += model.speed.decodeTps;
      ofClass.prefill += model.speed.prefillTps;
      if (model.speed.samples > 0) ofClass.measured++;
      const place = { node: id, class: row.class, resident: model.resident, decodeTps: model.speed.decodeTps };
      if (model.resident) sum.nodes.unshift(place);
      else if (sum.nodes.length < maxCatalogueNodes) sum.nodes.push(place);
      if (sum.nodes.length > maxCatalogueNodes) sum.nodes.pop();
    }
    yield;
  }
  const missing = new Map<string, number>();
  for (const { spec, placement } of view.agents.values()) {
    if (placement) {
      const using = gathered.get(placement.model) ?? gathered.get(aliases.get(placement.model) ?? '');
      if (using) using.model.agents.using++;
    }
    for (const wanted of spec.model) {
      const own = gathered.get(wanted) ?? gathered.get(aliases.get(wanted) ?? '');
      if (own) own.model.agents.wanting++;
      else if (wanted !== 'auto') missing.set(wanted, (missing.get(wanted) ?? 0) + 1);
    }
    yield;
  }
  return {
    models: [...gathered.values()].map(finished).sort((a, b) => (a.name < b.name ? -1 : 1)),
    classes: [...rooms]
      .map(([name, room]) => ({ class: name, ...room, pulls: [...room.pulls].sort() }))
      .sort((a, b) => (a.class < b.class ? -1 : 1)),
    missing: [...missing].map(([name, agents]) => ({ name, agents })).sort((a, b) => b.agents - a.agents),
  };
}

function emptyModel(name: string, kind: CatalogueModel['kind']): CatalogueModel {
  return {
    name,
    kind,
    runtimes: [],
    parametersB: 0,
    contextTokens: 0,
    tools: false,
    sizeBytes: 0,
    residentBytes: 0,
    nodesOnDisk: 0,
    nodesResident: 0,
    classes: [],
    nodes: [],
    agents: { using: 0, wanting: 0 },
  };
}
function finished({ model, runtimes, classes }: Gathered): CatalogueModel {
  return {
    ...model,
    runtimes: [...runtimes].sort(),
    classes: [...classes].map(([name, { nodes, resident, decode, prefill, measured }]) => ({
      class: name,
      nodes,
      resident,
      decodeTps: decode / nodes,
      prefillTps: prefill / nodes,
      measured,
    })),
  };
}
