// [INV-admitted] The broker has a node's connection only while that node is one of the fleet, by the key on record and with a certificate
// that lasts: no other is let in, and one that may not stay is cut within the time in which rights are looked at again.
import type { NodeRow } from '../../../coordinator/src/state/rows.ts';
import type { MakeChecker } from '../checker.ts';
import type { Admission } from '../network.ts';

/** As docs/doors.md says, and a look of this checker. */
const cutWithinMs = 15_000 + 2_000;

export const admitted: MakeChecker = ({ world, stored, broke }) => {
  /** Since when a connection may not stay, by its id. */
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
      // The coordinator goes by what was stored when it last heard of a commit; the word of another one may be on its way.
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
