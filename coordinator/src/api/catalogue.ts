// The models of the whole fleet, from the reports of nodes and the specs of agents: a pure fold over the view, run in slices.
import {
  type Catalogue,
  type CatalogueModel,
  isTierWish,
  maxCatalogueNodes,
  modelKey,
  type RuntimeKind,
} from '@blackroad/protocol';
import type { View } from '../state/view.ts';

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
      const key = modelKey(model.name);
      let own = gathered.get(key);
      if (!own) {
        own = { model: emptyModel(model.name, model.kind), runtimes: new Set(), classes: new Map() };
        gathered.set(key, own);
      }
      const { model: sum } = own;
      for (const alias of model.aliases) if (!aliases.has(modelKey(alias))) aliases.set(modelKey(alias), key);
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
  const meant = (name: string) => gathered.get(modelKey(name)) ?? gathered.get(aliases.get(modelKey(name)) ?? '');
  // Missing models by their key, each with the spelling of the first agent.
  const missing = new Map<string, { name: string; agents: number }>();
  for (const { spec, placement } of view.agents.values()) {
    if (placement) {
      const using = meant(placement.model);
      if (using) using.model.agents.using++;
    }
    for (const wanted of spec.model) {
      const own = meant(wanted);
      if (own) own.model.agents.wanting++;
      else if (!isTierWish(wanted)) {
        const lacked = missing.get(modelKey(wanted)) ?? { name: wanted, agents: 0 };
        missing.set(modelKey(wanted), { ...lacked, agents: lacked.agents + 1 });
      }
    }
    yield;
  }
  return {
    models: [...gathered.values()].map(finished).sort((a, b) => (a.name < b.name ? -1 : 1)),
    classes: [...rooms]
      .map(([name, room]) => ({ class: name, ...room, pulls: [...room.pulls].sort() }))
      .sort((a, b) => (a.class < b.class ? -1 : 1)),
    missing: [...missing.values()].sort((a, b) => b.agents - a.agents),
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
