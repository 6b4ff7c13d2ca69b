// The relation of a model to a hardware class: loaded there, on disk, fetchable, too large, or out of reach; with its text. Pure.
import type { Catalogue, CatalogueModel } from '@blackroad/protocol';
import type { Shape, Tone } from '../kit/looks.ts';
import { bytes, plural } from '../kit/words.ts';

export type Room = Catalogue['classes'][number];
type FitState = 'loaded' | 'disk' | 'fetch' | 'large' | 'away';
interface Fit {
  state: FitState;
  word: string;
  text: string;
}
export const fitLooks: Record<FitState, { shape: Shape; tone: Tone }> = {
  loaded: { shape: 'dot', tone: 'good' },
  disk: { shape: 'half', tone: 'info' },
  fetch: { shape: 'dashed', tone: 'dim' },
  large: { shape: 'cross', tone: 'warn' },
  away: { shape: 'bar', tone: 'dim' },
};

/** The memory of the loaded model; estimated from its size on disk before any node has loaded it. */
export const neededBytes = ({ residentBytes, sizeBytes }: Pick<CatalogueModel, 'residentBytes' | 'sizeBytes'>) =>
  Math.max(residentBytes, sizeBytes);

export function fitOf(model: CatalogueModel, room: Room): Fit {
  const here = model.classes.find((each) => each.class === room.class);
  const of = `of ${plural(room.nodes, 'node')}`;
  if (here && here.resident > 0) {
    const more = here.nodes > here.resident ? `, on disk on ${here.nodes}` : '';
    return { state: 'loaded', word: 'loaded', text: `${here.resident} ${of}${more}` };
  }
  if (here) return { state: 'disk', word: 'on disk', text: `${here.nodes} ${of}` };
  const needed = neededBytes(model);
  if (room.memoryBytes === 0) {
    return { state: 'away', word: 'no models', text: 'these nodes have no memory for models' };
  }
  if (needed > room.memoryBytes) {
    return { state: 'large', word: 'too large', text: `${bytes(needed)} needed, ${bytes(room.memoryBytes)} at most` };
  }
  if (room.pulls.some((runtime) => model.runtimes.includes(runtime))) {
    return { state: 'fetch', word: 'could be fetched', text: `${bytes(model.sizeBytes)} to fetch` };
  }
  return { state: 'away', word: 'not there', text: 'cannot be downloaded on this class' };
}
