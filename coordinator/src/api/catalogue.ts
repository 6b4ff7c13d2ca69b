// The models of the whole fleet, from the reports of nodes, the specs of agents and the catalogue: a pure fold over the view, run in
// slices. A model of the catalogue is one row, under whatever names its nodes have it.
import {
  type Catalogue,
  type CatalogueModel,
  isTierWish,
  knownAs,
  maxCatalogueNodes,
  modelKey,
  type NodeCapacity,
  type NodeModel,
  type RuntimeKind,
  tierOf,
} from '@blackroad/protocol';
import type { NodeRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import type { ClassSums, Gathered } from './gathered-model.ts';
import { createFits, type Fits, neededBytes } from './model-fits.ts';

interface Fold {
  view: View;
  rows: Map<string, Gathered>;
  /** The key of the row of each name. */
  names: Map<string, string>;
}

/** `file`: the operator's file, as last read. */
export function* catalogue(view: View, file: Catalogue['file'] = null): Generator<void, Catalogue> {
  const fold: Fold = { view, rows: new Map(), names: new Map() };
  const rooms = new Map<string, { nodes: number; memoryBytes: number; pulls: Set<RuntimeKind> }>();
  for (const [id, { capacity }] of view.live) {
    const row = view.nodes.get(id);
    if (!row || !capacity) continue;
    const room = rooms.get(row.class) ?? { nodes: 0, memoryBytes: 0, pulls: new Set() };
    rooms.set(row.class, room);
    room.nodes++;
    room.memoryBytes = Math.max(room.memoryBytes, capacity.memoryTotalBytes);
    for (const runtime of capacity.pulls ?? []) room.pulls.add(runtime);
    for (const model of capacity.models) gather(fold, row, capacity, model);
    yield;
  }
  addKnown(fold);
  for (const pin of view.pins.values()) {
    const { node, class: name, by, atMs } = pin;
    rowOf(fold, pin.model, 'chat').model.pins.push({ node, class: name, by, atMs });
  }
  for (const [node, { capacity }] of view.live) {
    for (const fetch of capacity?.fetches ?? []) {
      const { fetches } = rowOf(fold, fetch.model, 'chat').model;
      if (fetches.length < maxCatalogueNodes) fetches.push({ node, ...fetch });
    }
    yield;
  }
  const missing = yield* countAgents(fold);
  const rows = [...fold.rows.values()];
  const fits = createFits(rows, view.known);
  for (const [id, { capacity }] of view.live) {
    const row = view.nodes.get(id);
    if (row && capacity) fits.add(row, capacity);
    yield;
  }
  return {
    file,
    models: rows.map((each) => finished(each, fits)).sort((a, b) => (a.name < b.name ? -1 : 1)),
    classes: [...rooms]
      .map(([name, room]) => ({ class: name, ...room, pulls: [...room.pulls].sort() }))
      .sort((a, b) => (a.class < b.class ? -1 : 1)),
    missing,
  };
}

/** The row of a model under one of its names, made where there is none. */
function rowOf(fold: Fold, name: string, kind: CatalogueModel['kind']): Gathered {
  const { names, rows, view } = fold;
  const entry = view.known.byKey.get(modelKey(name));
  const key = names.get(modelKey(name)) ?? modelKey(entry?.name ?? name);
  let own = rows.get(key);
  if (!own) {
    own = {
      model: emptyModel(name, entry?.kind ?? kind),
      runtimes: new Set(),
      classes: new Map(),
      kvBytesPerToken: 0,
      on: new Set(),
    };
    rows.set(key, own);
    names.set(modelKey(name), key);
  }
  return own;
}

function gather(fold: Fold, row: NodeRow, capacity: NodeCapacity, model: NodeModel): void {
  const entry = knownAs(fold.view.known, model);
  const own = rowOf(fold, fold.names.has(modelKey(model.name)) || !entry ? model.name : entry.name, model.kind);
  const { model: sum } = own;
  if (sum.nodesOnDisk === 0) sum.name = model.name;
  const key = fold.names.get(modelKey(sum.name)) ?? modelKey(entry?.name ?? sum.name);
  for (const name of [model.name, ...model.aliases])
    if (!fold.names.has(modelKey(name))) fold.names.set(modelKey(name), key);
  own.on.add(row.id);
  own.runtimes.add(model.runtime);
  own.kvBytesPerToken = Math.max(own.kvBytesPerToken, model.kvBytesPerToken ?? 0);
  sum.parametersB = Math.max(sum.parametersB, model.parametersB);
  sum.contextTokens = Math.max(sum.contextTokens, model.contextTokens);
  sum.tools ||= model.tools;
  sum.sizeBytes = Math.max(sum.sizeBytes, model.sizeBytes);
  sum.residentBytes = Math.max(sum.residentBytes, model.resident ? model.residentBytes : 0);
  sum.neededBytes = Math.max(sum.neededBytes, model.peakBytes ?? 0);
  sum.tier = tierOf(model).name;
  sum.nodesOnDisk++;
  if (model.resident) sum.nodesResident++;
  const fetched = capacity.evictable?.includes(model.name) === true;
  if (fetched) sum.fetchedOn++;
  addToClass(own.classes, row.class, model);
  const { resident, speed } = model;
  const place = { node: row.id, class: row.class, resident, decodeTps: speed.decodeTps, fetched };
  if (resident) sum.nodes.unshift(place);
  else if (sum.nodes.length < maxCatalogueNodes) sum.nodes.push(place);
  if (sum.nodes.length > maxCatalogueNodes) sum.nodes.pop();
}
function addToClass(classes: Map<string, ClassSums>, name: string, { resident, speed }: NodeModel): void {
  const sums = classes.get(name) ?? { nodes: 0, resident: 0, decode: 0, prefill: 0, measured: 0 };
  classes.set(name, sums);
  sums.nodes++;
  if (resident) sums.resident++;
  sums.decode += speed.decodeTps;
  sums.prefill += speed.prefillTps;
  if (speed.samples > 0) sums.measured++;
}

/** Rows for what the catalogue has and no node does; and what it says of the others. */
function addKnown(fold: Fold): void {
  for (const entry of fold.view.known.list) {
    const { model } = rowOf(fold, entry.name, entry.kind);
    const key = fold.names.get(modelKey(entry.name)) ?? modelKey(entry.name);
    for (const name of [entry.ollama ?? entry.name, ...entry.aliases])
      if (!fold.names.has(modelKey(name))) fold.names.set(modelKey(name), key);
    model.entry = entry;
    model.parametersB ||= entry.parametersB;
    model.contextTokens ||= entry.contextTokens;
    model.tools ||= entry.tools && model.nodesOnDisk === 0;
    model.sizeBytes ||= entry.sizeBytes;
    if (model.nodesOnDisk === 0) model.tier = tierOf(entry).name;
  }
}

/** Agents that use or name each model; and the models that agents name and that neither a node nor the catalogue has. */
function* countAgents({ view, rows, names }: Fold): Generator<void, Catalogue['missing']> {
  const meant = (name: string) => rows.get(names.get(modelKey(name)) ?? '');
  // By their key, each with the spelling of the first agent.
  const missing = new Map<string, { name: string; agents: number }>();
  for (const { spec, placement } of view.agents.values()) {
    if (placement) {
      const using = meant(placement.model);
      if (using) using.model.agents.using++;
    }
    for (const wanted of spec.model) {
      const own = meant(wanted);
      if (own) own.model.agents.wanting++;
      if (isTierWish(wanted) || (own && own.on.size > 0)) continue;
      const lacked = missing.get(modelKey(wanted)) ?? { name: wanted, agents: 0 };
      missing.set(modelKey(wanted), { ...lacked, agents: lacked.agents + 1 });
    }
    yield;
  }
  return [...missing.values()].sort((a, b) => b.agents - a.agents);
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
    tier: 'medium',
    entry: null,
    neededBytes: 0,
    fits: [],
    fetchedOn: 0,
    pins: [],
    fetches: [],
    nodesOnDisk: 0,
    nodesResident: 0,
    classes: [],
    nodes: [],
    agents: { using: 0, wanting: 0 },
  };
}
function finished(gathered: Gathered, fits: Fits): CatalogueModel {
  const { model, runtimes, classes } = gathered;
  return {
    ...model,
    neededBytes: neededBytes(gathered),
    fits: fits.of(gathered),
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
