// All agents in one table.
import type { AgentLine } from '@blackroad/protocol';
import { useNavigate } from '@tanstack/react-router';
import { Bot, Plus } from 'lucide-react';
import { useCallback } from 'react';
import { useAgents, useTotals } from '../../data/live.ts';
import { useMay } from '../../data/session.tsx';
import { LinkButton } from '../../kit/button.tsx';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { Empty, Loading } from '../../kit/states.tsx';
import { VirtualTable } from '../../kit/virtual-table.tsx';
import { plural } from '../../kit/words.ts';
import { agentColumns, agentFacets, agentNote } from './agent-columns.tsx';

const nameOf = ({ name }: AgentLine) => name;

export default function AgentsPage() {
  const { list, whole } = useAgents();
  const totals = useTotals();
  const navigate = useNavigate();
  const mayAdd = useMay()('agentApply');
  const open = useCallback(
    ({ name }: AgentLine) => void navigate({ to: '/agents/$agent', params: { agent: name } }),
    [navigate],
  );
  const add = mayAdd && (
    <LinkButton to="/new-agent" look="primary" icon={<Plus />}>
      New agent
    </LinkButton>
  );
  return (
    <>
      <PageHead
        title="Agents"
        text={totals && list.length > 0 ? inWords(totals.agents) : ''}
        actions={list.length > 0 && add}
      />
      <Panel bare>
        {!whole && list.length === 0 ? (
          <Loading lines={8} label="Loading agents" />
        ) : (
          <VirtualTable<AgentLine>
            id="agents"
            page="/agents"
            label="Agents"
            rows={list}
            rowId={nameOf}
            columns={agentColumns}
            facets={agentFacets}
            open={open}
            note={agentNote}
            first="agent"
            empty={
              <Empty title="No agent yet" icon={<Bot />}>
                <p>
                  An agent is a standing prompt, a model and a memory of its own. The fleet finds the node that fits it
                  and moves it when that node is lost.
                </p>
                {add}
              </Empty>
            }
          />
        )}
      </Panel>
    </>
  );
}

function inWords(agents: Record<'ready' | 'starting' | 'unplaced' | 'failed' | 'waiting', number>): string {
  const { ready, starting, unplaced, failed, waiting } = agents;
  const rest = [
    [starting, 'starting'],
    [unplaced, 'not placed'],
    [failed, 'failed'],
    [waiting, 'waiting for a node'],
  ] as const;
  return (
    `${plural(ready, 'agent')} ready` +
    rest
      .filter(([n]) => n > 0)
      .map(([n, word]) => `, ${n.toLocaleString('en')} ${word}`)
      .join('')
  );
}
