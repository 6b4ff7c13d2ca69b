// The fleet at a glance: alerts first, then the state of everything. With one node and no agent it shows the next steps.
import type { FleetTotals } from '@blackroad/protocol';
import { groupEvents } from '@blackroad/protocol/event-groups';
import { useAgents, useAlerts, useEvents, useNodes, useTotals } from '../../data/live.ts';
import { AlertList, inOrder } from '../../fleet/alerts.tsx';
import { EventList } from '../../fleet/events.tsx';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { Loading } from '../../kit/states.tsx';
import { Glyph } from '../../kit/status.tsx';
import { plural } from '../../kit/words.ts';
import { AgentStates } from './agent-states.tsx';
import { Figures } from './figures.tsx';
import { FirstSteps } from './first-steps.tsx';
import { NodeGrid } from './node-grid.tsx';
import { Residency } from './residency.tsx';

const eventsShown = 8;

export default function FleetPage() {
  const totals = useTotals();
  const nodes = useNodes();
  const agents = useAgents();
  const alerts = useAlerts();
  const events = useEvents();
  if (!totals || !nodes.whole) {
    return (
      <>
        <PageHead title="Fleet" />
        <Loading lines={6} label="Loading the fleet" />
      </>
    );
  }
  const newest = groupEvents([...events.list].reverse()).slice(0, eventsShown);
  // Agents may be many more than nodes: the nodes do not wait for them.
  const fresh = agents.whole ? agents.rows.size === 0 : !Object.values(totals.agents).some((n) => n > 0);
  return (
    <div className="page-stack">
      <PageHead title="Fleet" text={inAWord(totals, alerts.list.length)} />
      {alerts.list.length > 0 && (
        <Panel title="Needs attention" bare>
          <AlertList alerts={inOrder(alerts.list)} />
        </Panel>
      )}
      {(fresh || agents.whole) && <FirstSteps agents={agents.list} nodes={nodes.list} />}
      {!fresh && <Figures totals={totals} />}
      <NodeGrid nodes={nodes.list} />
      {!fresh && (
        <div className="columns">
          {agents.whole ? (
            <AgentStates agents={agents.list} />
          ) : (
            <Panel title="Agents">
              <Loading lines={3} label="Loading the agents" />
            </Panel>
          )}
          <Residency nodes={nodes.list} />
        </div>
      )}
      {newest.length > 0 && (
        <Panel title="What happened" bare>
          <EventList events={newest} />
        </Panel>
      )}
    </div>
  );
}

function inAWord({ nodes, agents, name }: FleetTotals, alerts: number) {
  const all = nodes.online + nodes.suspect + nodes.lost + nodes.never + nodes.quarantined;
  const running = agents.ready + agents.starting;
  const wanted = running + agents.unplaced + agents.failed + agents.waiting;
  return (
    <span className="row wrap">
      {alerts === 0 && nodes.online > 0 && (
        <span className="row">
          <Glyph shape="tick" tone="good" />
          All is well.
        </span>
      )}
      <span>
        {name}: {nodes.online === all ? plural(all, 'node') : `${nodes.online} of ${plural(all, 'node')}`} online
        {wanted > 0 &&
          `, ${running === wanted ? plural(wanted, 'agent') : `${running} of ${plural(wanted, 'agent')}`} running`}
      </span>
    </span>
  );
}
