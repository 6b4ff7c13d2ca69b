// One node: its state, charts, models, agents, events and log, and its actions.
import type { NodeView } from '@blackroad/protocol';
import { groupEvents } from '@blackroad/protocol/event-groups';
import { useParams } from '@tanstack/react-router';
import { Download } from 'lucide-react';
import { useMemo, useState } from 'react';
import { useEvents, useNode } from '../../data/live.ts';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { EventList } from '../../fleet/events.tsx';
import { FetchDialog } from '../../fleet/fetch-dialog.tsx';
import { canFetch, lacksModel, suggestions, underWay } from '../../fleet/fetching.ts';
import { NodeFetches } from '../../fleet/node-fetches.tsx';
import { type Standing, standingOfView } from '../../fleet/node-health.ts';
import { Time } from '../../fleet/time.tsx';
import { useAddress } from '../../kit/address.ts';
import { Button, LinkButton } from '../../kit/button.tsx';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { Empty, Loading } from '../../kit/states.tsx';
import { Status, Tag } from '../../kit/status.tsx';
import { Tabs } from '../../kit/tabs.tsx';
import { NodeActions } from './node-actions.tsx';
import { NodeAgents } from './node-agents.tsx';
import { NodeCharts } from './node-charts.tsx';
import { NodeHardware, NodeNow } from './node-facts.tsx';
import { NodeLog } from './node-log.tsx';
import { NodeModels } from './node-models.tsx';
import { NodeParts } from './node-parts.tsx';
import { hasBoard, NodePins } from './node-pins.tsx';

const eventsShown = 50;

export default function NodePage() {
  const { node: id } = useParams({ from: '/nodes/$node' });
  const { row: node, refused } = useNode(id);
  if (refused !== null) {
    return (
      <>
        <PageHead title={id} />
        <Empty title="No such node">
          <p>It was forgotten, or it has another name: {refused}</p>
          <LinkButton to="/nodes">All nodes</LinkButton>
        </Empty>
      </>
    );
  }
  if (node === null) {
    return (
      <>
        <PageHead title={id} />
        <Loading lines={8} label={`Loading ${id}`} />
      </>
    );
  }
  return <OneNode node={node} />;
}

function OneNode({ node }: { node: NodeView }) {
  const may = useMay();
  const [tab, setTab] = useAddress('/nodes/$node', 'tab', 'charts');
  const standing = standingOfView(node);
  return (
    <div className="page-stack">
      <PageHead
        title={node.id}
        mark={
          <>
            <Status of={standing.of} word={standing.word} />
            <Tag>{node.class}</Tag>
            {node.info?.simulated && <Tag>simulated</Tag>}
          </>
        }
        text={
          <>
            {[node.info?.board ?? node.info?.cpu, `site ${node.site}`].filter(Boolean).join(' · ')} · {node.presence}{' '}
            for <Time at={node.presenceSinceMs} since />
          </>
        }
        actions={<NodeActions node={node} />}
      />
      <Troubles node={node} standing={standing} />
      <div className="columns even">
        <NodeNow node={node} />
        <NodeHardware node={node} />
      </div>
      <Tabs
        label={`Parts of ${node.id}`}
        value={tab}
        onValue={setTab}
        tabs={[
          { id: 'charts', text: 'Charts', body: <NodeCharts node={node} /> },
          { id: 'models', text: `Models ${node.capacity?.models.length ?? 0}`, body: <NodeModels node={node} /> },
          { id: 'agents', text: `Agents ${node.agents.length}`, body: <NodeAgents node={node} /> },
          ...(hasBoard(node) ? [{ id: 'pins' as const, text: 'Pins', body: <NodePins node={node} /> }] : []),
          { id: 'events', text: 'Events', body: <NodeEvents id={node.id} /> },
          ...(node.info?.simulated
            ? []
            : [{ id: 'hardware' as const, text: 'Hardware', body: <NodeParts node={node} /> }]),
          ...(may('nodeLog') ? [{ id: 'log' as const, text: 'Log', body: <NodeLog node={node} /> }] : []),
        ]}
      />
    </div>
  );
}

/** Everything that is wrong, in words; nothing when all is well. */
function Troubles({ node, standing }: { node: NodeView; standing: Standing }) {
  const rows = [
    ...(node.conditions.length === 0 && standing.text
      ? [{ severity: standing.tone === 'bad' ? ('error' as const) : ('warning' as const), text: standing.text }]
      : []),
    ...node.conditions,
  ];
  if (rows.length === 0) return null;
  return (
    <Panel>
      <div className="stack">
        <ul className="stack status-lines">
          {rows.map(({ severity, text }) => (
            <li key={text}>
              <Status of={severity} word={text} />
            </li>
          ))}
        </ul>
        {lacksModel(node.capacity) && <NoModel node={node} />}
      </div>
    </Panel>
  );
}

/** A machine that cannot talk: one press fetches the model that suits it best, and shows how far it is. */
function NoModel({ node }: { node: NodeView }) {
  const may = useMay();
  const [open, setOpen] = useState(false);
  const { capacity } = node;
  const mayFetch = may('nodePull') && node.presence === 'online' && canFetch(capacity);
  const catalogue = useRoute('catalogue', {}, { enabled: mayFetch, staleTime: 30_000 });
  const pull = useAct('nodePull', { done: ({ text }) => text });
  const [first] = suggestions(capacity, catalogue.data ?? null);
  return (
    <>
      <NodeFetches node={node} />
      {mayFetch && underWay(capacity).length === 0 && (
        <div className="row wrap">
          {first && (
            <Button
              look="primary"
              icon={<Download />}
              busy={pull.isPending}
              onClick={() => pull.mutate({ params: { node: node.id }, body: { model: first } })}
            >
              Fetch {first}
            </Button>
          )}
          <Button onClick={() => setOpen(true)}>Another model</Button>
          <FetchDialog open={open} node={node.id} onClose={() => setOpen(false)} />
        </div>
      )}
    </>
  );
}

function NodeEvents({ id }: { id: string }) {
  const past = useRoute('events', { query: { node: id, limit: eventsShown } });
  const live = useEvents();
  const events = useMemo(() => {
    const all = new Map((past.data ?? []).map((event) => [event.id, event]));
    for (const event of live.list) if (event.node === id) all.set(event.id, event);
    return groupEvents([...all.values()].sort((a, b) => b.id - a.id));
  }, [past.data, live, id]);
  return (
    <Panel title="Events" bare>
      {past.isPending && events.length === 0 ? <Loading /> : <EventList events={events} about="node" />}
    </Panel>
  );
}
