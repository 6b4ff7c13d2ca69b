// Pins: the wish of a person that nodes keep a model. In: a model and a place. Out: durable rows, the audit, and to each node that is online
// the whole list of what it is to keep; another node gets its list with the welcome. A node fetches what is pinned to it or to its class.
import { type Asker, actorOf, type KeptModels, maxPins, maxPinsPerNode, modelKey } from '@blackroad/protocol';
import { refuse } from '../state/decision.ts';
import { change, type Draft, decidedWith, noteAudit, openDraft, send } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { NodeRow, PinRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { fetchedAs } from './known.ts';

type Place = Pick<PinRow, 'node' | 'class'>;

export const pinModel: Decide<'model-pin'> = (view, { by, model: named, nodes, class: name, pinned }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const unknown = (nodes ?? []).find((node) => !view.nodes.has(node));
  if (unknown !== undefined) return refuse('no-such-node', `There is no node ${unknown}.`);
  const model = fetchedAs(view.known, named);
  const pins = new Map(view.pins);
  let changed = 0;
  for (const place of placesOf(nodes, name)) {
    const id = pinId(model, place);
    if (pins.has(id) === pinned) continue;
    if (pinned && pins.size >= maxPins)
      return refuse('conflict', `The fleet has ${maxPins} pins already; unpin a model.`);
    const row: PinRow = { id, model, ...place, by: actorOf(by), atMs: nowMs };
    if (pinned) pins.set(id, row);
    else pins.delete(id);
    change(draft, pinned ? { type: 'pin', row } : { type: 'pin-gone', id });
    noteAudit(draft, by, pinned ? 'model-pin' : 'model-unpin', {
      model,
      ...(place.node === null ? {} : { node: place.node }),
      ...(place.class === null ? {} : { class: place.class }),
    });
    changed++;
  }
  if (changed === 0) return decidedWith(draft, { changed });
  for (const row of view.nodes.values()) {
    if (row.status !== 'active') continue;
    const keep = keptBy(pins.values(), row);
    if (isSame(keep, keptBy(view.pins.values(), row))) continue;
    if (keep.length > maxPinsPerNode)
      return refuse(
        'conflict',
        `${row.id} would have ${keep.length} pinned models; at most ${maxPinsPerNode} are kept.`,
      );
    if (row.presence === 'online') send(draft, 'keep', { node: row.id }, { keep });
  }
  return decidedWith(draft, { changed });
};

/** Pins the model to one node, and tells it, where that is not so. `by`: who wants it. */
export function pinTo(draft: Draft, node: string, model: string, by: Asker): void {
  if (hasPin(draft.view, node, model)) return;
  const place = { node, class: null };
  const row: PinRow = { id: pinId(model, place), model, ...place, by: actorOf(by), atMs: draft.nowMs };
  change(draft, { type: 'pin', row });
  tellPins(draft, node, [...draft.view.pins.values(), row]);
}
/** Takes that pin back; one of its class stays. */
export function unpinFrom(draft: Draft, node: string, model: string): void {
  if (!hasPin(draft.view, node, model)) return;
  const id = pinId(model, { node, class: null });
  change(draft, { type: 'pin-gone', id });
  tellPins(
    draft,
    node,
    [...draft.view.pins.values()].filter((pin) => pin.id !== id),
  );
}
export function hasPin({ pins }: Pick<View, 'pins'>, node: string, model: string): boolean {
  return pins.has(pinId(model, { node, class: null }));
}
function tellPins(draft: Draft, node: string, pins: readonly PinRow[]): void {
  const row = draft.nodes.get(node);
  if (row?.presence === 'online') send(draft, 'keep', { node }, { keep: keptBy(pins, row).slice(0, maxPinsPerNode) });
}

function pinId(model: string, { node, class: name }: Place): string {
  const place = node === null ? (name === null ? '' : `class:${name}`) : `node:${node}`;
  return `${modelKey(model)}@${place}`;
}
/** Without nodes and without a class: wherever the model is. */
function placesOf(nodes: readonly string[] | undefined, name: string | undefined): Place[] {
  const places: Place[] = (nodes ?? []).map((node) => ({ node, class: null }));
  if (name !== undefined) places.push({ node: null, class: name });
  return places.length > 0 ? places : [{ node: null, class: null }];
}

/** What this node is to keep, by the names of the models. */
export function keptBy(pins: Iterable<PinRow>, { id, class: name }: Pick<NodeRow, 'id' | 'class'>): KeptModels {
  const kept = new Map<string, KeptModels[number]>();
  for (const pin of pins) {
    const fetch = pin.node === id || pin.class === name;
    if (!fetch && (pin.node !== null || pin.class !== null)) continue;
    const key = modelKey(pin.model);
    const before = kept.get(key);
    kept.set(key, { model: before?.model ?? pin.model, fetch: fetch || before?.fetch === true });
  }
  return [...kept.values()].sort((a, b) => (a.model < b.model ? -1 : 1));
}
function isSame(a: KeptModels, b: KeptModels): boolean {
  return a.length === b.length && a.every(({ model, fetch }, i) => model === b[i]?.model && fetch === b[i]?.fetch);
}
