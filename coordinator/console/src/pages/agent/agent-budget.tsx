// What is left of an agent's budget; nothing for an agent without one.
import type { AgentView } from '@blackroad/protocol';
import { useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { BudgetMeters } from '../../fleet/budget.tsx';
import { Panel } from '../../kit/layout.tsx';

const againMs = 15_000;

export function AgentBudget({ agent: { name, spec } }: { agent: AgentView }) {
  const may = useMay();
  const enabled = spec.budget !== undefined && may('budgets');
  const { data } = useRoute('budgets', { query: { agent: name } }, { refetchInterval: againMs, enabled });
  const [row] = enabled ? (data ?? []) : [];
  if (!row) return null;
  return (
    <Panel title="Budget">
      <BudgetMeters budget={row.budget} />
    </Panel>
  );
}
