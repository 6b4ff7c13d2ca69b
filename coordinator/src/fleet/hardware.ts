// One machine, one node: the fingerprint a node was enrolled with, and the one it may report after a person released it.
import type { NodeRow, View } from '../view.ts';

/** Stands in a node's record after a release: the fingerprint it reports next is trusted. Unique, since records are indexed by it. */
export const anyHardware = (node: string): string => `any:${node}`;

/** Whether this fingerprint may be this node's, and in words why not. */
export function hardwareClash(view: View, row: Pick<NodeRow, 'id' | 'hardware'>, hardware: string): string | null {
  if (row.hardware === hardware) return null;
  if (row.hardware !== anyHardware(row.id))
    return 'another machine speaks under its identity (hardware differs from the record)';
  const other = view.nodesByHardware.get(hardware);
  return other === undefined || other === row.id ? null : `its hardware is enrolled as ${other} already`;
}
