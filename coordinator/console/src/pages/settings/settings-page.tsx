// The settings of this browser (theme, views, columns), and the facts of the fleet. The coordinator's own options are given at its start
// and cannot be changed here; the page says where.
import type { LinkProps } from '@tanstack/react-router';
import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useTotals } from '../../data/live.ts';
import { useRoute } from '../../data/query.ts';
import { useMe } from '../../data/session.tsx';
import { strategyWords } from '../../fleet/strategy-words.ts';
import { Time } from '../../fleet/time.tsx';
import { Button, IconButton, LinkButton } from '../../kit/button.tsx';
import { Facts, PageHead, Panel } from '../../kit/layout.tsx';
import { readSearch } from '../../kit/search-params.ts';
import type { SavedView } from '../../kit/table-state.ts';
import { Choice } from '../../kit/tabs.tsx';
import { setTheme, useTheme } from '../../kit/theme.ts';
import { say } from '../../kit/toasts.tsx';
import { route as agents } from '../agents/agents.route.ts';
import { route as audit } from '../audit/audit.route.ts';
import { route as nodes } from '../nodes/nodes.route.ts';
import { route as tasks } from '../tasks/tasks.route.ts';
import { BackupsPanel } from './backups-panel.tsx';
import { MqttPanel } from './mqtt-panel.tsx';
import { ObjectsPanel } from './objects-panel.tsx';
import { RestorePanel } from './restore-panel.tsx';

export default function SettingsPage() {
  const { name, roles } = useMe();
  const role = roles.join(', ');
  return (
    <div className="page-stack">
      <PageHead title="Settings" text={name === role ? `Signed in as ${name}.` : `Signed in as ${name}, ${role}.`} />
      <div className="columns">
        <div className="page-stack">
          <Look />
          <Kept />
        </div>
        <div className="page-stack">
          <Fleet />
          <MqttPanel />
          <ObjectsPanel />
          <RestorePanel />
        </div>
      </div>
      <BackupsPanel />
    </div>
  );
}

function Look() {
  return (
    <Panel title="This browser">
      <div className="stack">
        <div className="row wrap">
          <span className="grow">Theme</span>
          <Choice
            label="Theme"
            value={useTheme()}
            onValue={setTheme}
            options={[
              ['system', 'As the system'],
              ['light', 'Light'],
              ['dark', 'Dark'],
            ]}
          />
        </div>
        <p className="dim small">
          Press <kbd>?</kbd> for the keys. Times are told by the coordinator's clock, in this browser's time zone (
          {Intl.DateTimeFormat().resolvedOptions().timeZone}).
        </p>
      </div>
    </Panel>
  );
}

function Fleet() {
  const totals = useTotals();
  const health = useRoute('health');
  return (
    <Panel
      title="The fleet"
      aside={
        <a className="small" href="/v1/openapi.json" target="_blank" rel="noreferrer">
          API description
        </a>
      }
    >
      <Facts
        rows={[
          ['Name', totals?.name ?? '…'],
          ['Version', totals?.version ?? '…'],
          health.data && ['Coordinator', <code key="c">{health.data.coordinator}</code>],
          totals && [
            'Running',
            <span key="r">
              for <Time at={totals.startedMs} since />
            </span>,
          ],
          totals && ['Placement', strategyWords[totals.strategy]],
          ['Kept', 'charts by the minute for a day and by the quarter hour for a month, usage for a year'],
        ]}
      />
      <p className="dim small settings-where">
        Name, ports, placement and patience are options of the coordinator: flags or <code>BLACKROAD_…</code> variables
        when it starts. docs/configuration.md lists them.
      </p>
    </Panel>
  );
}

/** The page of a table, with what a view of it kept of the address. */
const toTable: Record<string, (kept: SavedView['search']) => LinkProps> = {
  nodes: (kept) => ({ to: '/nodes', search: readSearch(nodes.search, kept) }),
  agents: (kept) => ({ to: '/agents', search: readSearch(agents.search, kept) }),
  tasks: (kept) => ({ to: '/tasks', search: readSearch(tasks.search, kept) }),
  audit: (kept) => ({ to: '/audit', search: readSearch(audit.search, kept) }),
};
interface Table {
  table: string;
  views: SavedView[];
  columns: boolean;
}
function tablesKept(): Table[] {
  const names = new Set<string>();
  for (const key of Object.keys(localStorage)) {
    const [, name] = /^(?:views|columns):(.+)$/.exec(key) ?? [];
    if (name) names.add(name);
  }
  return [...names].sort().map((table) => {
    const read = (kind: string) => {
      try {
        return JSON.parse(localStorage.getItem(`${kind}:${table}`) ?? 'null');
      } catch {
        return null;
      }
    };
    return { table, views: read('views') ?? [], columns: Object.keys(read('columns') ?? {}).length > 0 };
  });
}

/** Saved views and columns of tables: they live in this browser and nowhere else. */
function Kept() {
  const [tables, set] = useState(tablesKept);
  const put = (key: string, value: unknown) => {
    const before = localStorage.getItem(key);
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
    set(tablesKept());
    say({
      text: 'Removed from this browser.',
      undo: () => {
        if (before !== null) localStorage.setItem(key, before);
        set(tablesKept());
      },
    });
  };
  const kept = tables.filter(({ views, columns }) => views.length > 0 || columns);
  return (
    <Panel title="Saved views" bare={kept.length > 0}>
      {kept.length === 0 ? (
        <p className="dim">
          None yet. Above every table “Views” keeps a filter and order under a name, in this browser.
        </p>
      ) : (
        <ul className="settings-views">
          {kept.flatMap(({ table, views, columns }) => [
            ...views.map((view) => (
              <li key={`${table}:${view.name}`}>
                <span className="grow">
                  {view.name} <span className="dim small">of {table}</span>
                </span>
                {toTable[table] && (
                  <LinkButton {...toTable[table](view.search)} look="quiet">
                    Open
                  </LinkButton>
                )}
                <IconButton
                  label={`Forget ${view.name}`}
                  onClick={() =>
                    put(
                      `views:${table}`,
                      views.filter((each) => each.name !== view.name),
                    )
                  }
                >
                  <Trash2 />
                </IconButton>
              </li>
            )),
            ...(columns
              ? [
                  <li key={`${table}:columns`}>
                    <span className="grow">
                      Chosen columns <span className="dim small">of {table}</span>
                    </span>
                    <Button look="quiet" onClick={() => put(`columns:${table}`, null)}>
                      As they were
                    </Button>
                  </li>,
                ]
              : []),
          ])}
        </ul>
      )}
    </Panel>
  );
}
