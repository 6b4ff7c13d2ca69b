// The figures of the fleet, with the last hour of tasks beside the count.
import type { FleetTotals } from '@blackroad/protocol';
import { useRoute } from '../../data/query.ts';
import { Panel, Stat } from '../../kit/layout.tsx';
import { Sparkline } from '../../kit/sparkline.tsx';
import { count, plural } from '../../kit/words.ts';

export function Figures({ totals }: { totals: FleetTotals }) {
  const { tasks, agents, nodes, memories } = totals;
  const ended = useRoute(
    'fleetHistory',
    { query: { metric: 'tasksEnded', range: 'hour' } },
    { refetchInterval: 60_000 },
  );
  const away = nodes.suspect + nodes.lost + nodes.quarantined;
  const idle = agents.unplaced + agents.failed + agents.waiting;
  const points = ended.data?.points ?? [];
  return (
    <Panel>
      <div className="stats">
        <Stat name="Nodes online" value={count(nodes.online)}>
          {away > 0 ? `${count(away)} away` : 'none away'}
        </Stat>
        <Stat name="Agents ready" value={count(agents.ready)}>
          {idle > 0
            ? `${count(idle)} not running`
            : agents.starting > 0
              ? `${count(agents.starting)} starting`
              : 'all of them'}
        </Stat>
        <Stat name="Tasks a minute" value={count(tasks.endedLastMinute)}>
          {points.some(([, , , most]) => (most as number) > 0) ? (
            <Sparkline
              values={points.map(([, , mean]) => mean as number)}
              label={`Tasks a minute over the last hour, at most ${count(Math.max(...points.map(([, , , most]) => most as number)))}`}
            />
          ) : (
            // The hour is counted by whole minutes: the running one is not in it yet.
            (tasks.endedLastMinute > 0 && 'all in this minute') || 'none in the last hour'
          )}
        </Stat>
        <Stat name="Running" value={count(tasks.running)}>
          {tasks.queued > 0 ? `${plural(tasks.queued, 'task')} waiting` : 'nothing waits'}
        </Stat>
        <Stat name="Memories" value={count(memories)}>
          kept in verified logs
        </Stat>
      </div>
    </Panel>
  );
}
