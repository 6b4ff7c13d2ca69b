// One machine, one node: what a node was enrolled with, and what it may report later. A network address changes by itself (WSL, Wi-Fi,
// a new card), so the same machine under the proven key is the same node whatever its address; two processes that share even
// that are told apart by their boots (twins.ts).

import type { NodeRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';

/** What a machine says of itself; `machine` is missing where the node-agent is older. */
interface SaidOfMachine {
  hardware: string;
  machine?: string;
}

/**
 * Stands in a node's record after a release, for the fingerprint and for the machine: what the node reports next is trusted. Unique,
 * since records are indexed by it. Where an older node-agent speaks next it stays for the machine, so that no second one is learned.
 */
export const anyHardware = (node: string): string => `any:${node}`;

/** Whether this machine may be this node's, and in words why not. For words under the node's key alone. */
export function hardwareClash(
  view: View,
  row: Pick<NodeRow, 'id' | 'hardware' | 'machine'>,
  { hardware, machine }: SaidOfMachine,
): string | null {
  if (row.hardware === hardware) return null;
  const isReleased = row.hardware === anyHardware(row.id);
  // A record of before `machine` learns it once, also where the address changed since: an update must not cost a node its place.
  const mayLearn = machine !== undefined && row.machine === undefined;
  if (!isReleased && !mayLearn)
    return machine !== undefined && machine === row.machine
      ? null
      : 'another machine speaks under its identity (hardware differs from the record)';
  const other = view.nodesByHardware.get(hardware);
  return other === undefined || other === row.id ? null : `its hardware is enrolled as ${other} already`;
}

/** The record as it is after such a word. */
export function asSaid(row: NodeRow, { hardware, machine }: SaidOfMachine): NodeRow {
  if (row.hardware === hardware && (machine === undefined || machine === row.machine)) return row;
  return { ...row, hardware, ...(machine === undefined ? {} : { machine }) };
}
