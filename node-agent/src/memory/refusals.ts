// Why a memory is not written, as errors for whoever wanted to write it.
import { FleetError } from '@blackroad/protocol';
import { memoryFull } from '@blackroad/protocol/memory-words';
import type { AgentLog } from './log-state.ts';

export function refuseFenced(log: AgentLog, epoch: number, name: string): void {
  if (log.row.epoch > epoch) throw fencedError(name, `the agent is now under epoch ${log.row.epoch}`);
  if (log.row.epoch === epoch && log.row.fenced) {
    throw fencedError(name, `epoch ${epoch} was fenced: the agent works on another node`);
  }
}
export function fencedError(name: string, why: string): FleetError {
  return new FleetError('conflict', { detail: `the memory of ${name} cannot be written here: ${why}` });
}
export function fullError(name: string, atMost: number): FleetError {
  return new FleetError('fleet-full', { detail: memoryFull(name, { atMost, has: atMost, more: 1 }) });
}
