// The machine of a node: the hardware that a node was enrolled with, and the hardware that it may report later. A network address changes
// by itself (WSL, Wi-Fi, a new card), so the same machine with the proven key is the same node whatever its address; twins.ts detects two
// processes with the same machine id by their boots.

import type { NodeRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';

/** The hardware that a machine reports; `machine` is missing where the node-agent is older. */
interface SaidOfMachine {
  hardware: string;
  machine?: string;
}

/**
 * The value in a node's record after a release, for the fingerprint and for the machine: the next hardware that the node reports is
 * accepted. Unique, since records are indexed by it. If an older node-agent reports next, the value stays for the machine, so that the
 * record does not learn a second one.
 */
export const anyHardware = (node: string): string => `any:${node}`;

/** Whether this machine may belong to this node, and in words why not. Only for messages that the node's key proves. */
export function hardwareClash(
  view: View,
  row: Pick<NodeRow, 'id' | 'hardware' | 'machine'>,
  { hardware, machine }: SaidOfMachine,
): string | null {
  if (row.hardware === hardware) return null;
  const isReleased = row.hardware === anyHardware(row.id);
  // A record from before `machine` existed learns it once, also where the address changed since: an update must not lock a node out.
  const mayLearn = machine !== undefined && row.machine === undefined;
  if (!isReleased && !mayLearn)
    return machine !== undefined && machine === row.machine
      ? null
      : 'another machine speaks under its identity (hardware differs from the record)';
  const other = view.nodesByHardware.get(hardware);
  return other === undefined || other === row.id ? null : `its hardware is enrolled as ${other} already`;
}

/** The record with the hardware that the machine reported. */
export function asSaid(row: NodeRow, { hardware, machine }: SaidOfMachine): NodeRow {
  if (row.hardware === hardware && (machine === undefined || machine === row.machine)) return row;
  return { ...row, hardware, ...(machine === undefined ? {} : { machine }) };
}
