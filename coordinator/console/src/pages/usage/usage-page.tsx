// The usage of the fleet and its cost: totals, a bar for each day, and the agents, nodes or models. Days are UTC; money only for nodes with
// a price.
import type { Usage } from '@blackroad/protocol';
import { keepPreviousData } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ChartColumn } from 'lucide-react';
import { useNow } from '../../data/clock.ts';
import { useRoute } from '../../data/query.ts';
import { useAddress } from '../../kit/address.ts';
import { PageHead, Panel, Stat } from '../../kit/layout.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';
import { Choice } from '../../kit/tabs.tsx';
import { count, money, percent, plural } from '../../kit/words.ts';
import { Budgets } from './budgets.tsx';
import { DayBars } from './day-bars.tsx';
import { barsOf, type Figure, figureOf, firstDay, listPrices } from './days.ts';

const spans = [
  ['7', 'Week'],
  ['30', 'Month'],
  ['90', 'Quarter'],
] as const;
const kinds = [
  ['agent', 'Agents'],
  ['model', 'Models'],
  ['node', 'Nodes'],
  ['key', 'Keys'],
] as const;
type Kind = (typeof kinds)[number][0];
type UsageRow = Usage['rows'][number];
const minuteMs = 60_000;
/** More are a table's work: the API has them all. */
const rowsShown = 100;

export default function UsagePage() {
  const [days, setDays] = useAddress('/usage', 'days', '30');
  const [by, setBy] = useAddress('/usage', 'by', 'agent');
  const [wanted, setFigure] = useAddress('/usage', 'show', 'tokens');
  const from = firstDay(useNow(minuteMs), Number(days));
  const reading = { refetchInterval: minuteMs, placeholderData: keepPreviousData };
  const byDay = useRoute('usage', { query: { from, by: 'day' } }, reading);
  const byKind = useRoute('usage', { query: { from, by } }, reading);
  return (
    <div className="page-stack">
      <PageHead
        title="Usage and cost"
        text={byDay.data ? `${byDay.data.from} to ${byDay.data.to} (UTC)` : ''}
        actions={<Choice label="Time" value={days} options={spans} onValue={setDays} />}
      />
      <Budgets />
      <Loaded of={byDay} lines={8}>
        {(usage) =>
          usage.total.tasks === 0 ? (
            <Panel>
              <Empty title="Nothing was asked in this time" icon={<ChartColumn />}>
                <p>
                  Every task that ends, and every request that a model answers, is counted here within a minute: its
                  tokens, and its cost where the node names a price.
                </p>
              </Empty>
            </Panel>
          ) : (
            <>
              <Totals usage={usage} />
              <Days usage={usage} wanted={wanted} setWanted={setFigure} />
              <Loaded of={byKind}>{(parts) => <Breakdown usage={parts} by={by} setBy={setBy} />}</Loaded>
            </>
          )
        }
      </Loaded>
    </div>
  );
}

function Totals({ usage: { total } }: { usage: Usage }) {
  return (
    <Panel>
      <div className="stats">
        <Stat name="Tasks" value={count(total.tasks)}>
          {total.failed > 0 ? `${percent(total.failed / total.tasks)} failed or expired` : 'none failed'}
        </Stat>
        <Stat name="Answer tokens" value={count(total.completionTokens)}>
          {count(total.completionTokens / Math.max(1, total.tasks))} a task
        </Stat>
        <Stat name="Prompt tokens" value={count(total.promptTokens)}>
          read by models
        </Stat>
        <Stat name="Cost" value={total.costUsd > 0 ? money(total.costUsd) : 'free'}>
          {total.costUsd > 0 ? 'for nodes that name a price; your own are free' : 'no node that answered names a price'}
        </Stat>
        {total.cloudUsd > 0 && (
          <Stat name="Would cost in the cloud" value={money(total.cloudUsd)}>
            what your own machines did, at list prices
          </Stat>
        )}
      </div>
    </Panel>
  );
}

function Days({ usage, wanted, setWanted }: { usage: Usage; wanted: Figure; setWanted(figure: Figure): void }) {
  const priced = usage.total.costUsd > 0;
  const figure = wanted === 'cost' && !priced ? 'tokens' : wanted;
  return (
    <Panel
      title="By day"
      aside={
        <Choice
          label="What the bars show"
          value={figure}
          onValue={setWanted}
          options={[['tokens', 'Tokens'], ['tasks', 'Tasks'], ...(priced ? ([['cost', 'Cost']] as const) : [])]}
        />
      }
    >
      <DayBars bars={barsOf(usage)} figure={figure} format={figure === 'cost' ? money : count} />
    </Panel>
  );
}

function Breakdown({ usage, by, setBy }: { usage: Usage; by: Kind; setBy(by: Kind): void }) {
  const title = { agent: 'Agent', model: 'Model', node: 'Node', key: 'Key' }[by];
  return (
    <Panel
      title={`By ${title.toLowerCase()}`}
      bare
      aside={<Choice label="Split by" value={by} options={kinds} onValue={setBy} />}
    >
      <PlainTable
        label="Usage"
        className="usage-table"
        columns={columnsOf(usage, title)}
        rows={usage.rows.slice(0, rowsShown)}
        rowId={({ key }) => key}
      />
      {usage.total.cloudUsd > 0 && <p className="dim small usage-more">In the cloud: {listPrices(usage.reference)}.</p>}
      {usage.rows.length > rowsShown && (
        <p className="dim small usage-more">
          The {rowsShown} with most tokens of {plural(usage.rows.length, 'row')}; the totals count all.
        </p>
      )}
    </Panel>
  );
}

function columnsOf({ by, rows, total }: Usage, title: string): PlainColumn<UsageRow>[] {
  const most = Math.max(1, ...rows.map((row) => figureOf(row, 'tokens')));
  return [
    { title, cell: ({ key }) => <Name by={by} name={key} /> },
    {
      title: 'Share of tokens',
      isTitleHidden: true,
      className: 'usage-share only-wide',
      cell: (row) => (
        <span className="bar" aria-hidden="true">
          <span className="violet" style={{ width: `${(figureOf(row, 'tokens') / most) * 100}%` }} />
        </span>
      ),
    },
    { title: 'Tasks and requests', align: 'end', cell: ({ tasks }) => count(tasks) },
    {
      title: 'Failed',
      align: 'end',
      cell: ({ failed }) => (failed > 0 ? <span className="bad">{count(failed)}</span> : '–'),
    },
    { title: 'Answer tokens', align: 'end', cell: ({ completionTokens }) => count(completionTokens) },
    { title: 'Prompt tokens', align: 'end', cell: ({ promptTokens }) => count(promptTokens) },
    ...(total.costUsd > 0
      ? [
          {
            title: 'Cost',
            align: 'end' as const,
            cell: ({ costUsd }: UsageRow) => (costUsd > 0 ? money(costUsd) : 'free'),
          },
        ]
      : []),
    ...(total.cloudUsd > 0
      ? [
          {
            title: 'In the cloud',
            align: 'end' as const,
            cell: ({ cloudUsd }: UsageRow) => (cloudUsd > 0 ? money(cloudUsd) : '–'),
          },
        ]
      : []),
  ];
}

const nameless: Record<Usage['by'], string> = {
  day: '',
  agent: 'no agent: a model was asked',
  model: 'not known',
  node: 'ended before it reached a node',
  key: 'no key: a trigger, or the console',
};
function Name({ by, name }: { by: Usage['by']; name: string }) {
  if (name === '') return <span className="dim">{nameless[by]}</span>;
  if (by === 'node')
    return (
      <Link to="/nodes/$node" params={{ node: name }}>
        {name}
      </Link>
    );
  if (by === 'agent')
    return (
      <Link to="/agents/$agent" params={{ agent: name }}>
        {name}
      </Link>
    );
  return <code>{name}</code>;
}
