// The list of all checkers.
import type { MakeChecker } from '../checker.ts';
import { admitted } from './admitted.ts';
import { capacity } from './capacity.ts';
import { chain, durableFirst } from './chain.ts';
import { closed } from './closed.ts';
import { commitFirst } from './commit-first.ts';
import { deadline } from './deadline.ts';
import { epoch } from './epoch.ts';
import { erased } from './erased.ts';
import { generation } from './generation.ts';
import { drained, frozenRightly, onLoss } from './let-go.ts';
import { memoryKept } from './memory-kept.ts';
import { oneEnd } from './one-end.ts';
import { oneHand } from './one-hand.ts';
import { oneLease } from './one-lease.ts';
import { givesWay, oneRun } from './one-run.ts';
import { onlyCommitted } from './only-committed.ts';
import { onlyHere } from './only-here.ts';
import { placed } from './placed.ts';
import { plannedMove } from './planned-move.ts';
import { presence } from './presence.ts';
import { queueBound } from './queue-bound.ts';
import { reported } from './reported.ts';
import { nobodyWaits, oneVoice, requestEnds, slots } from './requests.ts';
import { rest } from './rest.ts';
import { frozen, restart } from './restart.ts';
import { taskKept } from './task-kept.ts';

export const checkers: readonly MakeChecker[] = [
  // This one comes first: a fleet that is not at rest is not judged further.
  rest,
  commitFirst,
  onlyCommitted,
  admitted,
  oneEnd,
  taskKept,
  oneLease,
  oneHand,
  capacity,
  generation,
  epoch,
  closed,
  chain,
  durableFirst,
  memoryKept,
  plannedMove,
  erased,
  presence,
  restart,
  frozen,
  queueBound,
  deadline,
  onLoss,
  drained,
  placed,
  onlyHere,
  frozenRightly,
  reported,
  oneRun,
  givesWay,
  requestEnds,
  oneVoice,
  slots,
  nobodyWaits,
];
