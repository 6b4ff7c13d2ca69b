// How each model stands to each class of the fleet: on how many of its nodes there is memory for it, how many of them could fetch it, and
// how fast it would answer there. In: models, and nodes with their capacity, one after the other. Out: rows by class. Nothing here is typed
// in by a person: all of it follows from the memory that nodes report. Pure.
import {
  type CatalogueModel,
  isFetchable,
  type KnownModels,
  type NodeCapacity,
  priorDecodeTps,
} from '@blackroad/protocol';
import { bandwidthOf, diskKeptFreeBytes, pullBytes } from '../placement/model/catalogue.ts';
import { expectedKvBytesPerToken } from '../placement/model/memory-fit.ts';
import type { NodeRow } from '../state/rows.ts';
import type { Gathered } from './gathered-model.ts';

/** One conversation with a few thousand tokens. */
const shortContextTokens = 2048;

type Row = CatalogueModel['fits'][number];
export interface Fits {
  add(node: Pick<NodeRow, 'id' | 'class'>, capacity: NodeCapacity): void;
  of(gathered: Gathered): Row[];
}

type Figures = 'kind' | 'sizeBytes' | 'parametersB' | 'residentBytes' | 'neededBytes';
type Sized = { model: Pick<CatalogueModel, Figures> } & Pick<Gathered, 'kvBytesPerToken'>;
/** Memory of a model with a short context: at least what any node has seen it take; 0: its size is not known. */
export function neededBytes({ model, kvBytesPerToken }: Sized): number {
  const { kind, sizeBytes, parametersB, residentBytes } = model;
  if (sizeBytes === 0) return Math.max(model.neededBytes, residentBytes);
  const context = kind === 'chat' ? expectedKvBytesPerToken({ sizeBytes, parametersB, kvBytesPerToken }) : 0;
  return Math.max(model.neededBytes, residentBytes, sizeBytes + context * shortContextTokens);
}

export function createFits(all: readonly Gathered[], known: KnownModels): Fits {
  const needed = new Map(all.map((each) => [each, neededBytes(each)]));
  const rows = new Map<Gathered, Map<string, Row>>(all.map((each) => [each, new Map()]));
  return {
    add({ id, class: name }, capacity) {
      const pulls = capacity.pulls ?? [];
      for (const each of all) {
        const ofClasses = rows.get(each) as Map<string, Row>;
        const row = ofClasses.get(name) ?? firstOf(each, name);
        ofClasses.set(name, row);
        row.nodes++;
        const bytes = needed.get(each) as number;
        if (bytes === 0 || bytes > capacity.memoryTotalBytes) continue;
        row.fitting++;
        if (each.on.has(id) || capacity.diskFreeBytes < pullBytes(each.model) + diskKeptFreeBytes) continue;
        if (canFetch(each, pulls, known)) row.free++;
      }
    },
    of: (each) =>
      needed.get(each) === 0
        ? []
        : [...(rows.get(each) as Map<string, Row>).values()].sort((a, b) => (a.class < b.class ? -1 : 1)),
  };
}

function canFetch({ model, runtimes }: Gathered, pulls: readonly string[], known: KnownModels): boolean {
  const entry = model.entry ?? known.byKey.get(model.name);
  return entry ? isFetchable(entry, pulls) : pulls.some((runtime) => runtimes.has(runtime));
}

function firstOf({ model, classes }: Gathered, name: string): Row {
  const here = classes.get(name);
  const measured = (here?.measured ?? 0) > 0;
  const prior = model.kind === 'chat' && model.sizeBytes > 0 ? priorDecodeTps(bandwidthOf(name), model.sizeBytes) : 0;
  const decodeTps = here && here.decode > 0 ? here.decode / here.nodes : prior;
  return { class: name, nodes: 0, fitting: 0, free: 0, decodeTps, measured };
}
