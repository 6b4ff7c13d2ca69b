// A what-if: the person sets conditions, placement returns its plan; nothing is changed. The conditions are in the address.
import templates from 'fleet:templates';
import type { AgentSpec, NodeLine, WhatIfPlan, WhatIfRequest } from '@blackroad/protocol';
import { planCaveats, planInWords } from '@blackroad/protocol/plan-words';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { type ApiProblem, call } from '../../data/api.ts';
import { useAddress } from '../../kit/address.ts';
import { Button } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Failure, Loading } from '../../kit/states.tsx';
import { Glyph } from '../../kit/status.tsx';
import { plural } from '../../kit/words.ts';
import { AskIf } from './ask-if.tsx';
import { type Condition, losing, printConditions, questionOf, readConditions } from './conditions.ts';
import { Legend, PackedFleet } from './packed-fleet.tsx';
import { type Packed, packPlan, type Sizes } from './packing.ts';
import { ModelSteps, Moves, NoPlace } from './plan-parts.tsx';

async function specOf(from: 'agent' | 'template', name: string): Promise<AgentSpec> {
  const template = from === 'template' ? templates.find((each) => each.name === name) : undefined;
  return template ?? (await call('agent', { params: { agent: name } })).spec;
}

export function WhatIf({ lines, sizes }: { lines: readonly NodeLine[]; sizes: Sizes }) {
  const [text, setText] = useAddress('/placement', 'if');
  const conditions = useMemo(() => readConditions(text), [text]);
  const plan = useQuery<WhatIfPlan, ApiProblem>({
    queryKey: ['whatIf', text],
    queryFn: async ({ signal }) => {
      const body: WhatIfRequest = await questionOf(conditions, specOf);
      return call('whatIf', { body, signal });
    },
    enabled: conditions.length > 0,
    staleTime: 0,
    placeholderData: keepPreviousData,
  });
  const change = (next: Condition[]) => setText(printConditions(next));
  return (
    <div className="page-stack">
      <AskIf lines={lines} conditions={conditions} change={change} busy={plan.isFetching} />
      {conditions.length > 0 &&
        (plan.error ? (
          <Failure error={plan.error} retry={plan.refetch} />
        ) : plan.data ? (
          <Plan plan={plan.data} conditions={conditions} lines={lines} sizes={sizes} />
        ) : (
          <Loading lines={8} label="Placement is asked" />
        ))}
    </div>
  );
}

/** So few are all looked at; of more only those that change. */
const fewNodes = 12;

interface PlanProps {
  plan: WhatIfPlan;
  conditions: readonly Condition[];
  lines: readonly NodeLine[];
  sizes: Sizes;
}
function Plan({ plan, conditions, lines, sizes }: PlanProps) {
  const { before, after } = useMemo(
    () => packPlan(lines, plan, losing(conditions), sizes),
    [lines, plan, conditions, sizes],
  );
  const [all, setAll] = useState(false);
  const changed = useMemo(() => new Set(plan.nodes.map(({ node }) => node)), [plan]);
  const folds = lines.length > fewNodes && !all;
  const shown = (nodes: readonly Packed[]) => (folds ? nodes.filter(({ id }) => changed.has(id)) : nodes);
  const same = lines.length - changed.size;
  const first = useMemo(() => new Set(after.filter(({ mark }) => mark === 'lost').map(({ site }) => site)), [after]);
  const bad = plan.displaced + plan.staying > 0 || plan.placed < plan.agentsAdded;
  const steps = plan.models.filter(({ step }) => step !== 'keep');
  return (
    <>
      <Panel className="placement-verdict">
        <p className="row placement-sentence" role="status">
          <Glyph shape={bad ? 'bang' : 'tick'} tone={bad ? 'warn' : 'good'} />
          <strong>{planInWords(plan)}</strong>
        </p>
        <p className="dim">{planCaveats(plan)}</p>
      </Panel>
      {plan.unplaced.length > 0 && <NoPlace groups={plan.unplaced} title="No place for" />}
      <Moves plan={plan} />
      <div className="placement-both">
        <Panel title="Before">
          <PackedFleet nodes={shown(before)} label="The fleet before" legend={false} first={first} />
        </Panel>
        <Panel title="After">
          <PackedFleet nodes={shown(after)} label="The fleet after" legend={false} first={first} />
        </Panel>
      </div>
      {lines.length > fewNodes && same > 0 && (
        <p className="row wrap dim small">
          <span>{`${plural(same, 'node')} ${same === 1 ? 'stays' : 'stay'} as ${same === 1 ? 'it is' : 'they are'}.`}</span>
          <Button look="quiet" onClick={() => setAll(!all)}>
            {all ? 'Leave them out' : 'Show them too'}
          </Button>
        </p>
      )}
      <Legend plan />
      <ModelSteps steps={steps} />
    </>
  );
}
