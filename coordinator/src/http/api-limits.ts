// The limits of the API, which tests narrow.
import {
  maxFeedBacklogBytes,
  maxFeedConsoles,
  maxHttpStrangers,
  maxHttpStrangersPerAddress,
  maxHttpStrangersPerSubnet,
  maxUnfinishedBodyBytes,
  maxUnfinishedBodyBytesPerKey,
  maxUnfinishedStrangerBytes,
  maxUnfinishedStrangerBytesPerAddress,
} from '@blackroad/protocol';
import type { DoorLimits } from '../door/door.ts';
import { doorLimits } from '../door/door-limits.ts';

export interface ApiLimits {
  consoles: number;
  backlogBytes: number;
  /** The limit of tasks that are followed at the same time, over both listeners. */
  streams: number;
  /** The limits of bytes of unfinished bodies, in all and of one key or address. */
  bodies: { keys: { total: number; each: number }; strangers: { total: number; each: number } };
  /** The time from the head of a request to its complete body. */
  bodyMs: number;
  /** The same for one that is written to the disk. */
  formMs: number;
  door: DoorLimits;
}

export function limitsOf(given: Partial<ApiLimits> | undefined): ApiLimits {
  return {
    consoles: maxFeedConsoles,
    backlogBytes: maxFeedBacklogBytes,
    streams: 2_000,
    bodies: {
      keys: { total: maxUnfinishedBodyBytes, each: maxUnfinishedBodyBytesPerKey },
      strangers: { total: maxUnfinishedStrangerBytes, each: maxUnfinishedStrangerBytesPerAddress },
    },
    bodyMs: 15_000,
    formMs: 30_000,
    door: doorLimits({
      perAddress: maxHttpStrangersPerAddress,
      perSubnet: maxHttpStrangersPerSubnet,
      total: maxHttpStrangers,
    }),
    ...given,
  };
}
