// After the coordinator was restored from a backup: what nodes brought back, and what a person brings back in one step each. Not shown
// where there was no restore.
import type { RestoreReport } from '@blackroad/protocol';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Facts, Panel } from '../../kit/layout.tsx';

const againMs = 5_000;

export function RestorePanel() {
  const { data } = useRoute('restoreReport', {}, { refetchInterval: againMs });
  if (!data?.restored) return null;
  const { restored, memories, silent, agents, nodes } = data;
  const entries = memories.reduce((sum, row) => sum + row.entries, 0);
  return (
    <Panel title="Restored from a backup">
      <Facts
        rows={[
          ['Backup of', <Time key="b" at={restored.backupMs} />],
          ['Restored', <Time key="r" at={restored.restoredMs} />],
          ['Memories that came back', `${entries}, of ${new Set(memories.map(({ agent }) => agent)).size} agents`],
          restored.tasks > 0 && ['Tasks of unknown end', `${restored.tasks}: among the failed tasks`],
          silent.length > 0 && ['Not heard of since', silent.join(', ')],
        ]}
      />
      {agents.map((row) => (
        <FoundAgent key={row.id} of={row} />
      ))}
      {nodes.map((row) => (
        <FoundNode key={row.node} of={row} />
      ))}
      <p className="dim small">
        Lost are tasks, events, usage and the audit log of the time between; keys and tokens are those of the backup, so
        that revoked ones are valid again.
      </p>
    </Panel>
  );
}

function FoundAgent({ of: { id, name, node, version, isKnown, isBack } }: { of: RestoreReport['agents'][number] }) {
  const may = useMay();
  const bring = useAct('restoreAgent', { done: () => `${name} is back.`, stales: ['restoreReport'] });
  const what = isKnown ? `a newer version (${version}) of ${name}` : `the agent ${name}`;
  return (
    <p className="row wrap">
      <span className="grow">
        {node} has {what}
        {isBack ? ': brought back' : ''}
      </span>
      {!isBack && may('restoreAgent') && (
        <Button aria-label={`Bring back ${name}`} onClick={() => bring.run({ body: { agent: id } })}>
          Bring back
        </Button>
      )}
    </p>
  );
}

function FoundNode({ of: { node, isIn } }: { of: RestoreReport['nodes'][number] }) {
  const may = useMay();
  const letIn = useAct('restoreNode', { done: () => `${node} is let in.`, stales: ['restoreReport'] });
  return (
    <p className="row wrap">
      <span className="grow">
        {node} joined after the backup{isIn ? ': let in' : ''}
      </span>
      {!isIn && may('restoreNode') && (
        <Button aria-label={`Let ${node} in`} onClick={() => letIn.run({ body: { node } })}>
          Let in
        </Button>
      )}
    </p>
  );
}
