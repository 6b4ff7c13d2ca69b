// The budgets of keys and agents: how much of each is left, the fullest first.
import type { BudgetRow } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { useRoute } from '../../data/query.ts';
import { BudgetMeters } from '../../fleet/budget.tsx';
import { Panel } from '../../kit/layout.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';

const againMs = 15_000;

export function Budgets() {
  const { data: rows = [] } = useRoute('budgets', {}, { refetchInterval: againMs });
  if (rows.length === 0) return null;
  return (
    <Panel title="Budgets" bare>
      <PlainTable label="Budgets" columns={columns} rows={rows} rowId={({ of, name }) => `${of} ${name}`} />
    </Panel>
  );
}

const columns: PlainColumn<BudgetRow>[] = [
  {
    title: 'Of',
    cell: ({ of, name }) => (
      <>
        {of === 'agent' ? (
          <Link to="/agents/$agent" params={{ agent: name }}>
            {name}
          </Link>
        ) : (
          <code>{name}</code>
        )}
        <span className="dim small">{of}</span>
      </>
    ),
  },
  { title: 'Left', cell: ({ budget }) => <BudgetMeters budget={budget} /> },
];
