// One agent: a chat with it, the reason for its place, its versions, triggers, tasks, memory and spec. Each tab is loaded when it is
// opened.
import type { AgentView } from '@blackroad/protocol';
import { Link, useParams } from '@tanstack/react-router';
import { type ComponentType, lazy, Suspense } from 'react';
import { useAgent } from '../../data/live.ts';
import { useMay } from '../../data/session.tsx';
import { Fixes } from '../../fleet/fixes.tsx';
import { Time } from '../../fleet/time.tsx';
import { useAddress } from '../../kit/address.ts';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { Empty, Loading } from '../../kit/states.tsx';
import { Status, Tag } from '../../kit/status.tsx';
import { Tabs } from '../../kit/tabs.tsx';
import { plural } from '../../kit/words.ts';
import { AgentActions } from './agent-actions.tsx';
import { AgentBudget } from './agent-budget.tsx';
import { RenameAgent } from './rename-agent.tsx';

const AgentChat = lazy(() => import('./agent-chat.tsx'));
const AgentWhy = lazy(() => import('./agent-why.tsx'));
const AgentVersions = lazy(() => import('./agent-versions.tsx'));
const AgentTriggers = lazy(() => import('./agent-triggers.tsx'));
const AgentTasks = lazy(() => import('./agent-tasks.tsx'));
const AgentMemory = lazy(() => import('./agent-memory.tsx'));
const AgentSpecTab = lazy(() => import('./agent-spec.tsx'));

export default function AgentPage() {
  const { agent: name } = useParams({ from: '/agents/$agent' });
  const { row: agent, refused } = useAgent(name);
  if (refused !== null) {
    return (
      <>
        <PageHead title={name} />
        <Empty title="No such agent">
          <p>It was removed, or it has another name: {refused}</p>
          <p>
            <Link to="/agents">All agents</Link>
          </p>
        </Empty>
      </>
    );
  }
  if (agent === null) {
    return (
      <>
        <PageHead title={name} />
        <Loading lines={8} label={`Loading ${name}`} />
      </>
    );
  }
  // Another agent is another conversation: nothing of the one before is kept.
  return <OneAgent key={name} agent={agent} />;
}

function OneAgent({ agent }: { agent: AgentView }) {
  const may = useMay();
  const [tab, setTab] = useAddress('/agents/$agent', 'tab', 'chat');
  const part = (Part: ComponentType<{ agent: AgentView }>) => (
    <Suspense fallback={<Loading lines={6} />}>
      <Part agent={agent} />
    </Suspense>
  );
  const triggers = agent.spec.triggers.length;
  return (
    <div className="page-stack">
      <PageHead
        title={agent.name}
        mark={
          <>
            <Status of={agent.state} />
            {agent.memory.branches > 0 && <Tag tone="warn">{plural(agent.memory.branches, 'branch')} to merge</Tag>}
          </>
        }
        text={<Where agent={agent} />}
        actions={
          <>
            <RenameAgent agent={agent} />
            <AgentActions agent={agent} />
          </>
        }
      />
      {tab !== 'why' && <Trouble agent={agent} />}
      <AgentBudget agent={agent} />
      <Tabs
        label={`Parts of ${agent.name}`}
        value={tab}
        onValue={setTab}
        tabs={[
          { id: 'chat', text: 'Chat', body: part(AgentChat) },
          { id: 'why', text: agent.node ? 'Why here' : 'Why nowhere', body: part(AgentWhy) },
          { id: 'tasks', text: 'Tasks', body: part(AgentTasks) },
          { id: 'memory', text: 'Memory', body: part(AgentMemory) },
          { id: 'triggers', text: triggers > 0 ? `Triggers ${triggers}` : 'Triggers', body: part(AgentTriggers) },
          { id: 'versions', text: `Versions ${agent.version}`, body: part(AgentVersions) },
          ...(may('agentApply') ? [{ id: 'spec' as const, text: 'Edit', body: part(AgentSpecTab) }] : []),
        ]}
      />
    </div>
  );
}

function Where({ agent: { node, model, placedMs, spec } }: { agent: AgentView }) {
  return (
    <>
      {spec.description && <>{`${spec.description}${/[.!?]$/.test(spec.description) ? '' : '.'} `}</>}
      {node ? (
        <>
          On{' '}
          <Link to="/nodes/$node" params={{ node }}>
            {node}
          </Link>
          {model && <> with {model}</>}
          {placedMs !== null && (
            <>
              {' '}
              for <Time at={placedMs} since />
            </>
          )}
        </>
      ) : (
        'On no node.'
      )}
    </>
  );
}

/** The obstacle to its work with the remedy; nothing when all is well. */
function Trouble({ agent }: { agent: AgentView }) {
  const { state, reason, unplaced, leaving } = agent;
  if (state === 'unplaced' && unplaced) {
    return (
      <Panel>
        <div className="stack">
          <Status of="unplaced" word={unplaced.text} />
          <Fixes steps={unplaced.fix} agent={agent.name} />
        </div>
      </Panel>
    );
  }
  if (!reason) return null;
  if (leaving) {
    return (
      <Panel>
        <Status of="hydrating" word={leaving.text} />
      </Panel>
    );
  }
  return (
    <Panel>
      <Status
        of={state === 'failed' ? 'error' : state === 'ready' || state === 'waiting' ? 'warning' : state}
        word={reason}
      />
    </Panel>
  );
}
