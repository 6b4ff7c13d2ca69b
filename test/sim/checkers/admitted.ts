// [INV-admitted] The broker has a node's connection only while that node is in the fleet, with the key on record and a valid certificate:
// no other connection is admitted, and one that loses its right is closed within the interval at which rights are checked again.
import type { NodeRow } from '../../../coordinator/src/state/rows.ts';
import type { MakeChecker } from '../checker.ts';
import type { Admission } from '../network.ts';

/** The interval in docs/doors.md, and one interval of this checker. */
const cutWithinMs = 15_000 + 2_000;

export const admitted: MakeChecker = ({ world, stored, broke }) => {
  /** The time since which a connection has no right to exist, by its id. */
  const since = new Map<number, number>();
  type Nodes = ReadonlyMap<string, Pick<NodeRow, 'status' | 'keyFingerprint'>>;
  const fault = ({ node, keyFingerprint }: Admission, nodes: Nodes = stored.nodes): string | null => {
    const row = nodes.get(node);
    if (!row) return 'is not of the fleet';
    if (row.status !== 'active') return `is ${row.status}`;
    return row.keyFingerprint === keyFingerprint ? null : 'has another key on record';
  };
  const isOver = ({ node }: Admission): boolean => {
    const { certificateMs } = world.host.policy;
    const expiresMs = stored.nodes.get(node)?.certificateExpiresMs ?? 0;
    return world.host.wallMs() > expiresMs + Math.min(3_600_000, certificateMs / 10);
  };
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-admitted',
    exercised: 0,
    admitted(connection) {
      checker.exercised++;
      // The coordinator decides by its view of committed changes, and a commit may not have returned yet.
      const why = fault(connection) && fault(connection, world.host.coordinator?.view.nodes);
      if (why) broke(checker.name, `${connection.machine} was let in as ${connection.node}, which ${why}`);
    },
    looked() {
      const { nowMs } = world.timeline;
      const { clock, isUp } = world.host;
      const connections = isUp && !clock?.paused ? world.network.admitted() : [];
      const wrong = new Map(
        connections.map((each) => [each.id, fault(each) ?? (isOver(each) ? 'has no certificate any more' : null)]),
      );
      for (const id of since.keys()) if (!wrong.get(id)) since.delete(id);
      for (const { id, machine, node } of connections) {
        const why = wrong.get(id);
        if (!why) continue;
        const sinceMs = since.get(id) ?? nowMs;
        since.set(id, sinceMs);
        if (nowMs - sinceMs > cutWithinMs)
          broke(checker.name, `${machine} has been connected as ${node} for ${nowMs - sinceMs} ms, which ${why}`);
      }
    },
  };
  return checker;
};
