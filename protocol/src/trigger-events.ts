// The events of the fleet that may wake an agent. Those that the work of an agent writes are not among them, as what becomes of its memory,
// of its budget or of the model that it uses: an agent that is woken by an event cannot wake itself by its own answer. Without the schema:
// the console imports it too.
import type { EventType } from './events.ts';

export const wakingEvents = [
  'node-enrol',
  'node-reclaim',
  'enrol-refused',
  'node-online',
  'node-suspect',
  'node-lost',
  'node-quarantined',
  'node-forgotten',
  'node-class',
  'throttled',
  'undervoltage',
  'overheated',
  'disk-low',
  'disk-read-only',
  'clock-unsynced',
  'runtime-found',
  'runtime-lost',
  'model-pulled',
  'model-pull-failed',
  'update',
  'os-update',
  'file-damaged',
  'agent-moved',
  'agent-unplaced',
  'agent-failed',
  'rollout-started',
  'rollout-wave',
  'rollout-approval',
  'rollout-red',
  'rollout-ended',
  'moves-frozen',
  'moves-resumed',
  'moves-released',
  'coordinator-upgrade',
  'clock-set',
  'storage-back',
  'release-added',
  'release-refused',
  'install-refused',
  'backup-made',
  'backup-failed',
] as const satisfies readonly EventType[];

const waking: ReadonlySet<string> = new Set(wakingEvents);
export function mayWake(event: string): boolean {
  return waking.has(event);
}
