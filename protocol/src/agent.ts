// An AI agent: its spec as a person writes it (YAML or JSON), its placement, how the API shows it, and what a node receives of it.
import { AgentMemorySpec } from './agent-memory-spec.ts';
import { agentReasonCodes } from './agent-reasons.ts';
import { SensorName } from './board.ts';
import { Budget } from './budget.ts';
import { FixSteps } from './fix.ts';
import {
  AgentId,
  AgentName,
  BootId,
  Epoch,
  Generation,
  Hash,
  Labels,
  Lineage,
  NodeId,
  Seq,
  Space,
  TimeMs,
} from './ids.ts';
import {
  maxAgentsPerNode,
  maxBoardPins,
  maxBoardSensors,
  maxConcurrency,
  maxInstructionsBytes,
  maxQueuePerAgent,
  maxTimeMs,
  maxToolsPerAgent,
  maxTriggersPerAgent,
} from './limits.ts';
import { NodeClassName } from './node.ts';
import { opened } from './open.ts';
import { PinName, Trigger } from './trigger.ts';
import { type Static, Type } from './typebox.ts';

const closed = { additionalProperties: false };

export const ToolGrant = Type.Union(
  [
    Type.Object({ tool: Type.Literal('memory') }, { ...closed, description: 'Search and save its own memory.' }),
    Type.Object(
      { tool: Type.Literal('node') },
      { ...closed, description: 'Read facts and health of the node it runs on.' },
    ),
    Type.Object(
      {
        tool: Type.Literal('http'),
        hosts: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), { minItems: 1, maxItems: 50 }),
      },
      { ...closed, description: 'GET from these hosts only (`host` or `host:port`).' },
    ),
    Type.Object(
      {
        tool: Type.Literal('mqtt'),
        topics: Type.Array(Type.String({ pattern: '^[A-Za-z0-9_-]{1,60}$' }), { minItems: 1, maxItems: 50 }),
      },
      {
        ...closed,
        description: 'Publish to these topics, one level each, below `blackroad/v1/node/<its node>/out/<agent>/`.',
      },
    ),
    Type.Object(
      {
        tool: Type.Literal('mcp'),
        server: Type.String({
          pattern: '^[a-z][a-z0-9-]{0,31}$',
          description: 'As its node names it (`--mcp-servers`).',
        }),
        tools: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
          minItems: 1,
          maxItems: 64,
          description: 'Names of its tools; `*` is all of them.',
        }),
      },
      { ...closed, description: 'Tools of an MCP server that the owner of its node has set up there.' },
    ),
    Type.Object(
      { tool: Type.Literal('gpio'), pins: Type.Array(PinName, { minItems: 1, maxItems: maxBoardPins }) },
      {
        ...closed,
        description: 'Read, set and wait for these pins of its node (`--pins`); it is placed where they are.',
      },
    ),
    Type.Object(
      { tool: Type.Literal('sensor'), sensors: Type.Array(SensorName, { minItems: 1, maxItems: maxBoardSensors }) },
      { ...closed, description: 'Read these sensors of its node (`--pins`); it is placed where they are.' },
    ),
    Type.Object(
      { tool: Type.Literal('camera') },
      { ...closed, description: 'Look through the camera of its node (`--pins`); its model must see.' },
    ),
  ],
  { description: 'One allowed tool; nothing else is reachable.' },
);
export type ToolGrant = Static<typeof ToolGrant>;

export const AgentSpec = Type.Object(
  {
    name: AgentName,
    description: Type.Optional(Type.String({ maxLength: 500 })),
    model: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
      minItems: 1,
      maxItems: 8,
      description:
        "Wanted models, best first: names as nodes report them; `auto` is the node's own default chat model.",
    }),
    instructions: Type.String({ maxLength: maxInstructionsBytes, description: 'The standing prompt.' }),
    concurrency: Type.Integer({ minimum: 1, maximum: maxConcurrency, default: 1 }),
    queue: Type.Integer({
      minimum: 1,
      maximum: maxQueuePerAgent,
      default: 100,
      description: 'Tasks that may wait; the next is refused.',
    }),
    priority: Type.Integer({
      minimum: 0,
      maximum: 100,
      default: 50,
      description: 'Higher is placed first when not all fit, and may take the place of lower ones.',
    }),
    load: Type.Optional(
      Type.Object(
        {
          tokensPerMinute: Type.Number({
            minimum: 0,
            maximum: 1e7,
            default: 1,
            description:
              "Answer tokens it is expected to make a minute, over the day: what it books of a model's measured speed.",
          }),
        },
        { ...closed, default: {} },
      ),
    ),
    memory: AgentMemorySpec,
    tools: Type.Array(ToolGrant, { maxItems: maxToolsPerAgent, default: [] }),
    triggers: Type.Array(Trigger, { maxItems: maxTriggersPerAgent, default: [] }),
    placement: Type.Object(
      {
        class: Type.Array(NodeClassName, {
          maxItems: 16,
          default: [],
          description: 'Only these classes; empty: any but cloud.',
        }),
        site: Type.Array(Type.String({ maxLength: 63 }), { maxItems: 50, default: [] }),
        labels: { ...Labels, default: {} },
        nodes: Type.Array(NodeId, { maxItems: 100, default: [], description: 'Only these nodes; empty: any.' }),
        avoidAgents: Type.Array(AgentName, {
          maxItems: 50,
          default: [],
          description: 'Not on a node with one of these.',
        }),
        nearAgents: Type.Optional(
          Type.Array(AgentName, {
            maxItems: 50,
            default: [],
            description: 'Rather on the node of one of these, else at its site.',
          }),
        ),
        spread: Type.Optional(
          Type.Object(
            {
              group: AgentName,
              over: Type.OneOf(['node', 'site'], { default: 'site' }),
            },
            { ...closed, description: 'Agents of one group rather on different nodes or at different sites.' },
          ),
        ),
        pool: Type.Optional(
          Type.OneOf(['shared', 'dedicated'], {
            default: 'shared',
            description: 'dedicated: its model has the node to itself; agents with another model are not placed there.',
          }),
        ),
        simulated: Type.Optional(
          Type.Boolean({
            description:
              'true: may also run on simulated nodes, whose answers are made up and are remembered all the same.',
          }),
        ),
        maxPricePerMillionTokens: Type.Optional(
          Type.Number({
            minimum: 0,
            description:
              'US dollars; dearer nodes are refused. Without it any price will do where class cloud is named.',
          }),
        ),
      },
      { ...closed, default: {} },
    ),
    onLoss: Type.Object(
      {
        policy: Type.OneOf(['replace', 'wait', 'keep'], {
          default: 'replace',
          description:
            'replace: place it elsewhere; wait: stay unplaced until its node is back; keep: it goes on alone, with outside effects.',
        }),
        afterSeconds: Type.Integer({
          minimum: 0,
          maximum: 86_400,
          default: 0,
          description: 'Extra patience after the node is lost.',
        }),
      },
      { ...closed, default: {} },
    ),
    limits: Type.Object(
      {
        maxTokens: Type.Integer({
          minimum: 1,
          maximum: 100_000,
          default: 512,
          description: 'Answer tokens a model call.',
        }),
        contextTokens: Type.Integer({ minimum: 256, maximum: 1_000_000, default: 2048 }),
        toolRounds: Type.Integer({ minimum: 0, maximum: 50, default: 6 }),
        deadlineSeconds: Type.Integer({
          minimum: 1,
          maximum: 86_400,
          default: 600,
          description: 'For a task that names none.',
        }),
        attempts: Type.Integer({ minimum: 1, maximum: 10, default: 3 }),
      },
      { ...closed, default: {} },
    ),
    temperature: Type.Number({ minimum: 0, maximum: 2, default: 0 }),
    budget: Type.Optional(Budget),
    homeAssistant: Type.Optional(
      Type.Boolean({ description: 'Whether it is a device in Home Assistant, to be asked there.' }),
    ),
  },
  { ...closed, description: 'An agent as a person writes it. Only name, model and instructions are required.' },
);
export type AgentSpec = Static<typeof AgentSpec>;

/** One agent on one node, as the coordinator sends it to the node. */
export const AssignedAgent = Type.Object({
  id: Type.Optional(AgentId),
  spec: opened(AgentSpec),
  version: Type.Integer({ minimum: 1, description: 'Version of the spec.' }),
  epoch: Epoch,
  model: Type.String({ description: "The model to use, by this node's own name for it." }),
  memory: Type.Object(
    {
      baseSeq: Seq,
      baseHash: Hash,
      from: Type.Nullable(NodeId),
      restored: Type.Optional(
        Type.Literal(true, {
          description:
            'The coordinator was restored from a backup: what the log of the node has beyond the base stays in it and is sent, also under its older epochs.',
        }),
      ),
    },
    { description: 'Where the log stood when this epoch began; the node fetches up to it, then writes.' },
  ),
  quietMs: Type.Optional(
    Type.Number({
      minimum: 0,
      description:
        'Nothing with outside effects for this long, counted from its receipt: the node before may still act. Missing: at once.',
    }),
  ),
  leaving: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: maxTimeMs,
      description:
        'It is about to leave this node: no new turn begins here, what runs ends, its last memories are brought, and `drained` with this number says so. Missing: it stays.',
    }),
  ),
});
export type AssignedAgent = Static<typeof AssignedAgent>;
/** Sent for each agent of the assignment that a node had when it heard of a restore of the coordinator. */
export const AgentHeld = Type.Object({ boot: BootId, agent: AgentId, lineage: Lineage, assigned: AssignedAgent });
export type AgentHeld = Static<typeof AgentHeld>;
/** An older coordinator sends no id: there the name of an agent is its id. */
export function idOf({ id, spec }: Pick<AssignedAgent, 'id' | 'spec'>): string {
  return id ?? spec.name;
}

/** From generation `from` to `to`. A node at another generation refuses it and asks for the snapshot. */
export const AssignmentDelta = Type.Object({
  from: Generation,
  to: Generation,
  put: Type.Array(AssignedAgent, { maxItems: maxAgentsPerNode }),
  remove: Type.Array(Type.Object({ agent: AgentId, epoch: Epoch }), { maxItems: maxAgentsPerNode }),
});
export type AssignmentDelta = Static<typeof AssignmentDelta>;

/** The whole desired set at a generation, in parts where it is larger than a message. */
export const AssignmentSnapshot = Type.Object({
  generation: Generation,
  part: Type.Integer({ minimum: 1 }),
  parts: Type.Integer({ minimum: 1 }),
  agents: Type.Array(AssignedAgent, { maxItems: maxAgentsPerNode }),
});
export type AssignmentSnapshot = Static<typeof AssignmentSnapshot>;

/** Why a node was refused for an agent: the filter's name and its words. */
export const Refusal = Type.Object({ filter: Type.String(), text: Type.String() });
export type Refusal = Static<typeof Refusal>;

/** The scores at the moment of placement; explain computes the present ones. */
export const PlacementWhy = Type.Object({
  node: NodeId,
  model: Type.String(),
  score: Type.Number(),
  scores: Type.Array(
    Type.Object({ name: Type.String(), value: Type.Number(), weight: Type.Number(), text: Type.String() }),
  ),
});
export type PlacementWhy = Static<typeof PlacementWhy>;

/** How many nodes a filter refused first, with the words of one of them. */
export const RefusedNodes = Type.Object({ filter: Type.String(), nodes: Type.Integer(), text: Type.String() });
export type RefusedNodes = Static<typeof RefusedNodes>;

export const UnplacedWhy = Type.Object({
  text: Type.String({ description: 'In plain words.' }),
  fix: FixSteps,
  refused: Type.Array(RefusedNodes),
});
export type UnplacedWhy = Static<typeof UnplacedWhy>;

/** A planned move under way. */
const AgentLeaving = Type.Object(
  {
    to: Type.Nullable(NodeId, { description: 'Null: it is taken off its node, and placed when it has left.' }),
    sinceMs: TimeMs,
    text: Type.String({ description: 'What the move waits for, in words.' }),
  },
  {
    description:
      'Its node begins no new turn, ends what runs and brings its last memories; then it moves. Missing: no such move is under way, or an older coordinator.',
  },
);

/** An agent as the API shows it. */
export const AgentView = Type.Object({
  id: AgentId,
  space: Space,
  name: AgentName,
  spec: AgentSpec,
  version: Type.Integer(),
  state: Type.OneOf(['unplaced', 'placed', 'starting', 'hydrating', 'ready', 'failed', 'waiting'], {
    description:
      'placed: told to a node, not yet reported; waiting: its node is away and its policy says wait or keep.',
  }),
  node: Type.Nullable(NodeId),
  epoch: Type.Integer(),
  model: Type.Nullable(Type.String()),
  reason: Type.Optional(Type.String({ description: 'Why it is not ready, in words.' })),
  reasonCode: Type.Optional(
    Type.String({
      description: `${agentReasonCodes.join(', ')}, or one that only a newer node knows; missing where there are only words.`,
    }),
  ),
  progress: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'Of what it waits for.' })),
  leaving: Type.Optional(AgentLeaving),
  placedMs: Type.Nullable(TimeMs),
  why: Type.Nullable(PlacementWhy),
  unplaced: Type.Nullable(UnplacedWhy),
  tasks: Type.Object({ waiting: Type.Integer(), running: Type.Integer() }),
  memory: Type.Object({
    seq: Seq,
    hash: Hash,
    branches: Type.Integer({ description: 'Tails of lost nodes waiting to be merged.' }),
    anchored: Type.Optional(
      Type.Object(
        { seq: Seq, checkpoint: Type.Integer() },
        {
          description:
            'The last entry under a signed checkpoint, and which; missing: none yet, or an older coordinator.',
        },
      ),
    ),
  }),
  createdMs: TimeMs,
  changedMs: Type.Number({ minimum: 0, description: 'Its spec was changed.' }),
  updatedMs: Type.Number({ minimum: 0, description: 'It was changed, placed or moved.' }),
});
export type AgentView = Static<typeof AgentView>;
