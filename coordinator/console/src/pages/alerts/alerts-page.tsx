// All alerts: errors first, acknowledged ones below, cleared ones last.
import type { Alert } from '@blackroad/protocol';
import { BellOff } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { nowMs, useNow } from '../../data/clock.ts';
import { useAlerts } from '../../data/live.ts';
import { AlertList, inOrder } from '../../fleet/alerts.tsx';
import { Time } from '../../fleet/time.tsx';
import { useAddress } from '../../kit/address.ts';
import { SearchField } from '../../kit/field.tsx';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { Empty, Loading } from '../../kit/states.tsx';
import { Glyph } from '../../kit/status.tsx';
import { type Cleared, clearedNow } from './cleared.ts';

/** Fewer are read faster than filtered. */
const searchFrom = 6;
const groups: readonly [severity: Alert['severity'], title: string][] = [
  ['error', 'Something is broken'],
  ['warning', 'Needs attention soon'],
  ['info', 'Good to know'],
];

export default function AlertsPage() {
  const { list, whole } = useAlerts();
  const [text, setText] = useAddress('/alerts', 'q');
  const cleared = useCleared(list, whole);
  const wanted = text.trim().toLowerCase();
  const found = inOrder(list).filter((alert) => wanted === '' || wordsIn(alert).includes(wanted));
  const open = found.filter(({ acknowledged }) => acknowledged === null);
  const seen = found.filter(({ acknowledged }) => acknowledged !== null);
  return (
    <div className="page-stack">
      <PageHead title="Alerts" text={whole ? inAWord(list) : ''} />
      {(list.length >= searchFrom || text) && (
        <SearchField label="Search alerts" value={text} onValue={setText} placeholder="A node, a site, a word" />
      )}
      {!whole && list.length === 0 ? (
        <Loading lines={5} />
      ) : list.length === 0 ? (
        <Panel>
          <Empty title="Nothing needs attention" icon={<BellOff />}>
            <p>
              Lost nodes, weak power supplies, agents without a place, tasks that gave up: what a person should know
              stands here with the button that helps, and goes when its cause is gone.
            </p>
          </Empty>
        </Panel>
      ) : (
        found.length === 0 && <p className="dim">No alert has “{text}” in it.</p>
      )}
      {groups.map(([severity, title]) => {
        const here = open.filter((alert) => alert.severity === severity);
        return here.length === 0 ? null : (
          <Panel key={severity} title={title} bare aside={<span className="dim small">{here.length}</span>}>
            <AlertList alerts={here} />
          </Panel>
        );
      })}
      {seen.length > 0 && (
        <Panel title="Acknowledged" bare aside={<span className="dim small">{seen.length}</span>}>
          <AlertList alerts={seen} />
        </Panel>
      )}
      <ClearedList cleared={cleared} />
    </div>
  );
}

const wordsIn = ({ title, text, site, nodes, agents }: Alert) =>
  [title, text, site, ...nodes, ...agents].join(' ').toLowerCase();

function inAWord(list: readonly Alert[]): string {
  const open = list.filter(({ acknowledged }) => acknowledged === null);
  if (list.length === 0) return 'All is well.';
  const parts = [
    `${open.length} open`,
    list.length - open.length > 0 && `${list.length - open.length} acknowledged`,
  ].filter(Boolean);
  return `${parts.join(', ')}. They go by themselves when their cause is gone.`;
}

function useCleared(list: readonly Alert[], whole: boolean): Cleared[] {
  const [cleared, set] = useState<Cleared[]>([]);
  const stood = useRef<readonly Alert[]>([]);
  const tick = useNow(10_000);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tick lets old ones go
  useEffect(() => {
    if (!whole) return;
    const before = stood.current;
    stood.current = list;
    set((was) => {
      const now = clearedNow(was, before, list, nowMs());
      return now.length === 0 && was.length === 0 ? was : now;
    });
  }, [list, whole, tick]);
  return cleared;
}

function ClearedList({ cleared }: { cleared: Cleared[] }) {
  if (cleared.length === 0) return null;
  return (
    <Panel title="Cleared by itself" bare>
      <ul className="alerts-cleared">
        {cleared.map(({ alert, atMs }) => (
          <li key={alert.id}>
            <Glyph shape="tick" tone="good" />
            <span className="grow">{alert.title}</span>
            <span className="dim small">
              <Time at={atMs} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
