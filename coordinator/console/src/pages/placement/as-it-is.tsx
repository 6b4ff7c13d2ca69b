// The fleet as it is packed now, with the obstacles: frozen moves and agents without a place.
import type { FleetTotals, NodeLine } from '@blackroad/protocol';
import { Server } from 'lucide-react';
import { useMemo } from 'react';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Panel, Stat } from '../../kit/layout.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { Empty } from '../../kit/states.tsx';
import { Glyph } from '../../kit/status.tsx';
import { bytes, count, percent, plural } from '../../kit/words.ts';
import { PackedFleet } from './packed-fleet.tsx';
import { packLine, type Sizes, usedBytes } from './packing.ts';
import { Unplaced } from './unplaced.tsx';

export function AsItIs({ totals, lines, sizes }: { totals: FleetTotals; lines: readonly NodeLine[]; sizes: Sizes }) {
  const packed = useMemo(() => lines.map((line) => packLine(line, sizes)), [lines, sizes]);
  const { agents, moves } = totals;
  if (lines.length === 0) {
    return (
      <Panel>
        <Empty title="There is nothing to place on yet" icon={<Server />}>
          <p>As soon as a node has joined, this page shows what fills its memory.</p>
        </Empty>
      </Panel>
    );
  }
  const open = packed.filter(({ mark, totalBytes }) => mark !== 'away' && totalBytes > 0);
  const total = open.reduce((sum, node) => sum + node.totalBytes, 0);
  const used = open.reduce((sum, node) => sum + usedBytes(node), 0);
  const placed = packed.reduce((sum, node) => sum + node.agents, 0);
  return (
    <div className="page-stack">
      {moves.frozen && <Frozen moves={moves} />}
      {agents.unplaced > 0 && <Unplaced agents={agents.unplaced} />}
      <Panel>
        <div className="stats">
          <Stat name="Agents placed" value={count(placed)}>
            {agents.unplaced > 0 ? `${count(agents.unplaced)} without a place` : 'none without a place'}
          </Stat>
          <Stat name="Memory for models" value={total > 0 ? percent(used / total) : '–'}>
            {bytes(used)} of {bytes(total)} on {plural(open.length, 'node')}
          </Stat>
          <Stat name="Nodes without an agent" value={count(open.filter((node) => node.agents === 0).length)}>
            of those that could take one
          </Stat>
        </div>
      </Panel>
      <Panel title="Packed as it is">
        <PackedFleet nodes={packed} label="The fleet as it is packed" />
      </Panel>
    </div>
  );
}

/** The valve closed: no agent moves until the cause clears or a person lets them. */
function Frozen({ moves }: { moves: FleetTotals['moves'] }) {
  const may = useMay();
  const release = useAct('movesRelease', { done: () => 'Agents move now.' });
  return (
    <Panel
      title="Moves are frozen"
      bare
      aside={<span className="dim small">{plural(moves.waiting, 'agent')} would have moved by now</span>}
    >
      <ul className="placement-rows">
        {moves.where.map(({ site, sinceMs, reason }) => (
          <li key={site ?? ''}>
            <Glyph shape="bar" tone="warn" />
            <span className="grow">
              <strong>{site ?? 'The whole fleet'}</strong> since <Time at={sinceMs} />: {reason}
            </span>
            {may('movesRelease') && (
              <ConfirmButton
                look="plain"
                aria-label={`Let agents move: ${site ?? 'the whole fleet'}`}
                title={site ? `Let agents of ${site} move now?` : 'Let agents move now?'}
                text="Agents of the nodes that are away are placed elsewhere at once. If it is only the network, they would be back by themselves."
                verb="Let them move"
                act={() => release.run({ body: site === null ? {} : { site } })}
              >
                Let them move
              </ConfirmButton>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
