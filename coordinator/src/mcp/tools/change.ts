// The tools plan_change and apply_plan: agents created or changed, nodes closed, opened or drained. A plan is kept nowhere: apply_plan is given
// the whole change again, so that who approves the call reads what will be done, makes the plan anew, and does it only where the digest of
// both is the same. Each step is then a request to the API like any other, with its own row in the audit.
import {
  type AgentSpec,
  AgentSpec as AgentSpecSchema,
  canonicalJson,
  FleetError,
  maxMcpAgents,
  maxMcpNodes,
  NodeId,
  type Static,
  Type,
  WhatIfPlan,
} from '@blackroad/protocol';
import { sha256Hex } from '@blackroad/std/sha256';
import { closed, type ToolCall, tool } from '../tool.ts';

const Change = Type.Object(
  {
    agents: Type.Array(AgentSpecSchema, {
      maxItems: maxMcpAgents,
      default: [],
      description:
        'Whole specs. A new name is a new agent; of an agent that there is, this takes the place of its spec.',
    }),
    nodes: Type.Array(
      Type.Object(
        {
          node: NodeId,
          cordoned: Type.Optional(Type.Boolean({ description: 'true: it takes no new agents.' })),
          draining: Type.Optional(Type.Boolean({ description: 'true: its agents move off. false: the drain ends.' })),
        },
        { ...closed, minProperties: 2 },
      ),
      { maxItems: maxMcpNodes, default: [] },
    ),
  },
  closed,
);
type Change = Static<typeof Change>;
const Digest = Type.String({ pattern: '^[0-9a-f]{64}$', description: '`digest` of plan_change for this very change.' });

export const planChange = tool({
  name: 'plan_change',
  title: 'Plan a change',
  text: 'Says what a change of agents or nodes would do: which agents would move where, and which would find no place. Nothing is changed. apply_plan carries it out with the digest given here.',
  input: Change,
  output: Type.Object({
    digest: Type.String({ description: 'Of the change and of what it would do.' }),
    steps: Type.Array(Type.String(), { description: 'What apply_plan would do, in order.' }),
    plan: WhatIfPlan,
  }),
  needs: ['placement:read', 'agents:read', 'nodes:read'],
  readOnly: true,
  destructive: false,
  idempotent: true,
  openWorld: false,
  async call(change, call) {
    const { digest, steps, plan } = await planned(change, call);
    return { digest, steps: steps.map(({ text }) => text), plan };
  },
});

export const applyPlan = tool({
  name: 'apply_plan',
  title: 'Apply a planned change',
  text: 'Carries out a change that plan_change has planned: give the same change and its digest. Refused when the fleet has changed so that something else would happen than was planned.',
  input: Type.Object({ ...Change.properties, digest: Digest }, closed),
  output: Type.Object({ done: Type.Array(Type.String(), { description: 'The steps that were done.' }) }),
  needs: ['placement:read', 'agents:read', 'agents:write', 'nodes:read', 'nodes:write'],
  readOnly: false,
  destructive: true,
  idempotent: true,
  openWorld: false,
  async call({ digest, ...change }, call) {
    const { digest: now, steps, plan } = await planned(change, call);
    if (now !== digest)
      throw new FleetError('conflict', {
        detail: `digest: expected the one of this change as it would go now; either the change is another one, or the fleet has changed since. Now: ${outcomeOf(plan)}. Call plan_change again, and show what is new.`,
      });
    const done: string[] = [];
    for (const { text, run } of steps) {
      try {
        await run();
      } catch (error) {
        if (!(error instanceof FleetError)) throw error;
        const before = done.length > 0 ? `Done before: ${done.join('; ')}.` : 'Nothing was done before.';
        throw new FleetError(error.code, { detail: `"${text}" failed: ${error.message} ${before}` }, { cause: error });
      }
      done.push(text);
    }
    return { done };
  },
});

interface Planned {
  digest: string;
  steps: { text: string; run(): Promise<unknown> }[];
  plan: WhatIfPlan;
}
async function planned(change: Change, call: ToolCall): Promise<Planned> {
  refuseOdd(change);
  const { ask } = call;
  const steps: Planned['steps'] = [];
  const add: AgentSpec[] = [];
  const edited: AgentSpec[] = [];
  const versions: (number | null)[] = [];
  for (const spec of change.agents) {
    const { name } = spec;
    const run = () => ask('agentApply', { params: { agent: name }, body: spec });
    const known = await agentOrNull(name, call);
    versions.push(known?.version ?? null);
    if (!known) {
      add.push(spec);
      steps.push({ text: `create the agent ${name}`, run });
      continue;
    }
    const fields = changedFields(known.spec, spec);
    if (fields.length === 0) continue;
    edited.push(spec);
    steps.push({ text: `change ${fields.join(', ')} of the agent ${name} (version ${known.version})`, run });
  }
  const drain: { node: string }[] = [];
  for (const { node, ...wanted } of change.nodes) {
    const now = await ask('node', { params: { node } });
    const body: typeof wanted = {};
    for (const field of ['cordoned', 'draining'] as const)
      if (wanted[field] !== undefined && wanted[field] !== now[field]) body[field] = wanted[field];
    if (body.draining) drain.push({ node });
    if (Object.keys(body).length > 0)
      steps.push({ text: `${nodeWords(body)} ${node}`, run: () => ask('nodeEdit', { params: { node }, body }) });
  }
  const plan = await supposed({ add, change: edited, drain }, change, call);
  const { moves, placed, moved, displaced, staying } = plan;
  const sorted = [...moves].sort((a, b) => (a.agent < b.agent ? -1 : 1));
  const said = { change, versions, steps: steps.map(({ text }) => text), sorted, placed, moved, displaced, staying };
  return { digest: sha256Hex(canonicalJson(said)), steps, plan };
}

/** Faults name the fields of the change as the client wrote it. */
async function supposed(
  { add, change, drain }: { add: AgentSpec[]; change: AgentSpec[]; drain: { node: string }[] },
  { agents }: Change,
  { ask }: ToolCall,
): Promise<WhatIfPlan> {
  try {
    return await ask('whatIf', { body: { add: add.map((spec) => ({ spec, count: 1 })), change, lose: [], drain } });
  } catch (error) {
    const fault = error instanceof FleetError ? error.details.faults?.[0] : undefined;
    const [, list, index, field] = /^(add|change)\.(\d+)\.(?:spec\.)?(.+)$/.exec(fault?.field ?? '') ?? [];
    const spec = (list === 'add' ? add : change)[Number(index)];
    if (!fault || !spec) throw error;
    const detail = `agents.${agents.indexOf(spec)}.${field}: expected ${fault.expected}, got ${fault.got}`;
    throw new FleetError('invalid-request', { detail }, { cause: error });
  }
}

function refuseOdd({ agents, nodes }: Change): void {
  if (agents.length + nodes.length === 0)
    throw new FleetError('invalid-request', { detail: 'agents, nodes: expected at least one change, got none' });
  for (const [field, names] of [
    ['agents', agents.map(({ name }) => name)],
    ['nodes', nodes.map(({ node }) => node)],
  ] as const) {
    const twice = names.findIndex((name, i) => names.indexOf(name) !== i);
    if (twice >= 0) {
      const detail = `${field}.${twice}: expected each name once, got "${names[twice]}" again`;
      throw new FleetError('invalid-request', { detail });
    }
  }
}

async function agentOrNull(agent: string, { ask }: ToolCall) {
  try {
    return await ask('agent', { params: { agent } });
  } catch (error) {
    if ((error as FleetError).code === 'no-such-agent') return null;
    throw error;
  }
}

function changedFields(before: AgentSpec, after: AgentSpec): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof AgentSpec>;
  return [...names].filter((name) => canonicalJson(before[name] ?? null) !== canonicalJson(after[name] ?? null)).sort();
}

function nodeWords({ cordoned, draining }: { cordoned?: boolean; draining?: boolean }): string {
  const words = [
    ...(cordoned === undefined ? [] : [cordoned ? 'cordon' : 'uncordon']),
    ...(draining === undefined ? [] : [draining ? 'drain' : 'end the drain of']),
  ];
  return words.join(' and ');
}

function outcomeOf({ placed, moved, displaced, staying, moves }: WhatIfPlan): string {
  const first = moves.slice(0, 5).map(({ agent, to }) => `${agent} to ${to ?? 'no node'}`);
  const which = first.length > 0 ? ` (${first.join(', ')}${moves.length > first.length ? ', ...' : ''})` : '';
  return `${placed} placed, ${moved} moved, ${displaced} without a node, ${staying} staying${which}`;
}
