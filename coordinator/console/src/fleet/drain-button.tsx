// Drains nodes: before the confirmation placement is asked which agents would move where and which have no other place, and the text
// afterwards is that answer.
import type { FixSteps, WhatIfPlan } from '@blackroad/protocol';
import { fixInWords } from '@blackroad/protocol/fix-words';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ApiProblem, call } from '../data/api.ts';
import { useWork } from '../data/query.ts';
import type { ButtonProps } from '../kit/button.tsx';
import { ConfirmButton } from '../kit/overlay.tsx';
import { Loading } from '../kit/states.tsx';
import { Glyph } from '../kit/status.tsx';
import { plural, wordsOf } from '../kit/words.ts';
import { type DrainPlan, drainInWords, drainPlan } from './drain-words.ts';

/** Of one question to placement. */
const mostPlanned = 50;
const shown = 6;
const namesShown = 4;

interface Props extends Omit<ButtonProps, 'onClick' | 'title' | 'children'> {
  asked?: boolean;
  onClose?: () => void;
  nodes: readonly string[];
  children: React.ReactNode;
  drain(): Promise<unknown>;
  /** The undo, offered beside the text. */
  undo(): Promise<unknown>;
}
const planKey = (nodes: readonly string[]) => ['drain', ...nodes];
async function planned(nodes: readonly string[], signal?: AbortSignal): Promise<DrainPlan> {
  const body = { add: [], lose: [], drain: nodes.map((node) => ({ node })) };
  const plan: WhatIfPlan = await call('whatIf', { body, ...(signal ? { signal } : {}) });
  return drainPlan(plan, nodes);
}

export function DrainButton({ nodes, children, drain, undo, ...rest }: Props) {
  const what = nodes.length === 1 ? (nodes[0] as string) : plural(nodes.length, 'node');
  const client = useQueryClient();
  const act = useWork((_plan: DrainPlan | undefined) => drain(), {
    done: (_, plan) => {
      const is = nodes.length === 1 ? 'is' : 'are';
      const text = plan ? `${what} ${is} draining: ${drainInWords(plan)}.` : `${what} ${is} draining.`;
      return { text, tone: plan && plan.staying > 0 ? 'warn' : 'good' };
    },
    undo: () => undo,
  });
  // The plan that the person has just read, where it could be computed.
  const run = () => act.run(client.getQueryData<DrainPlan>(planKey(nodes)));
  return (
    <ConfirmButton look="plain" {...rest} title={`Drain ${what}?`} text={<Plan nodes={nodes} />} verb="Drain" act={run}>
      {children}
    </ConfirmButton>
  );
}

function Plan({ nodes }: { nodes: readonly string[] }) {
  const plan = useQuery<DrainPlan, ApiProblem>({
    queryKey: planKey(nodes),
    queryFn: ({ signal }) => planned(nodes, signal),
    enabled: nodes.length <= mostPlanned,
    staleTime: 0,
    gcTime: 60_000,
    retry: 1,
  });
  if (nodes.length > mostPlanned)
    return <p>What becomes of their agents is worked out beforehand for at most {mostPlanned} nodes at once.</p>;
  if (plan.error) return <p>Placement could not say what becomes of the agents: {wordsOf(plan.error)}</p>;
  if (!plan.data) return <Loading lines={3} label="Placement works out what becomes of the agents" />;
  return <Planned plan={plan.data} nodes={nodes} />;
}

function Planned({ plan, nodes }: { plan: DrainPlan; nodes: readonly string[] }) {
  const { moving, staying, targets, reasons, others } = plan;
  const more = targets.length - shown;
  if (moving + staying === 0) return <p>No agent is there. Nothing new is placed there from now on.</p>;
  return (
    <div className="stack drain-plan">
      {moving > 0 ? (
        <div>
          <p className="row">
            <Glyph shape="tick" tone="good" />
            <strong>{`${plural(moving, 'agent')} ${moving === 1 ? 'moves' : 'move'}`}</strong>
          </p>
          <ul>
            {targets.slice(0, shown).map(({ node, agents }) => (
              <li key={node}>
                {named(agents)} to <strong>{node}</strong>
              </li>
            ))}
            {more > 0 && <li>others to {plural(more, 'more node')}</li>}
          </ul>
          <p className="small">Each first finishes what it does and hands over its memory.</p>
        </div>
      ) : (
        <p>Nobody moves.</p>
      )}
      {staying > 0 && (
        <div>
          <p className="row warn">
            <Glyph shape="bang" tone="warn" />
            <strong>{`${plural(staying, 'agent')} ${staying === 1 ? 'has no other place and stays' : 'have no other place and stay'}`}</strong>
          </p>
          <ul>
            {reasons.slice(0, shown).map(({ agents, example, text, fix }) => (
              <li key={example}>
                {agents === 1 ? example : `${example} and ${agents - 1} more`}: {text}
                {fix.length > 0 && !endsDrain(fix, nodes) && (
                  <>
                    <br />
                    Fix: {fixInWords(fix)}
                  </>
                )}
              </li>
            ))}
          </ul>
        </div>
      )}
      {others > 0 && <p>{plural(others, 'agent')} of other nodes would change place, too.</p>}
      <p className="small">
        Nothing new is placed on {nodes.length === 1 ? 'it' : 'them'}.{' '}
        <Link to="/placement" search={{ if: nodes.map((node) => `drain:node=${node}`).join(';') }}>
          See the whole plan
        </Link>
      </p>
    </div>
  );
}
const named = (agents: readonly string[]) =>
  agents.length <= namesShown
    ? agents.join(', ')
    : `${agents.slice(0, namesShown - 1).join(', ')} and ${agents.length - namesShown + 1} more`;
/** Without the advice to end the drain, which does not help a person who asks about one. */
const endsDrain = ([ways = []]: FixSteps, nodes: readonly string[]) =>
  ways.some((fix) => fix.verb === 'end-drain' && nodes.includes(fix.node));
