// Why a model could not be fetched, as a word for programs, with what helps in words for people. Pure.
import { Type } from './typebox.ts';

interface FetchFaultRow {
  text: string;
  /** What a person can do, as the end of a sentence. */
  cure: string;
}
export const fetchFaults = {
  network: {
    text: 'the place to fetch it from cannot be reached',
    cure: 'look at the network of the node, or fetch it again later: what has come is kept',
  },
  name: {
    text: 'no place has a model of this name',
    cure: 'look at the spelling and the tag, or choose another of `fleet models`',
  },
  disk: {
    text: 'the disk has no room for it',
    cure: 'remove a model that nobody needs with `fleet models rm`, or give the node a larger disk',
  },
  digest: {
    text: 'what came is not what the place promised',
    cure: 'fetch it again: the damaged part is thrown away; if it comes again, the place or a cache on the way is broken',
  },
  stopped: { text: 'a person stopped it', cure: 'fetch it again when you want it: what has come is kept' },
  other: { text: 'the model server could not fetch it', cure: 'read the log of the node and of its model server' },
} as const satisfies Record<string, FetchFaultRow>;
export type FetchFault = keyof typeof fetchFaults;
export const FetchFault = Type.OneOf(Object.keys(fetchFaults) as FetchFault[], {
  description: Object.entries(fetchFaults)
    .map(([name, { text }]) => `${name}: ${text}`)
    .join('; '),
});
export function isFetchFault(name: unknown): name is FetchFault {
  return typeof name === 'string' && Object.hasOwn(fetchFaults, name);
}
