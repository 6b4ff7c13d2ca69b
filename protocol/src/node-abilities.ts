// What a node-agent can do that an older one cannot, as it says in its hello: each with a field that is `true`, or missing with an older node.

/** Words for the schema, after "It". */
export const abilityWords = {
  agentIds: 'knows an agent by its id, and not by its name',
  erases: 'erases memories when it is told to, and keeps signed checkpoints of them',
  given: 'writes memories that people give',
  imports: 'writes memories that were imported',
  drains: 'brings the last memories of an agent before the agent leaves it',
  marks: 'writes marks and summaries of a consolidation',
  values: 'writes values by key',
  mcp: 'gives its agents tools of MCP servers',
  pins: 'gives its agents pins, sensors and the camera of its board, runs the triggers of pins, and knows that it drains',
  restarts: 'starts again when it ends, and ends when it is told to start anew',
} as const;
export type NodeAbility = keyof typeof abilityWords;
export type NodeAbilities = { readonly [A in NodeAbility]?: true };

export const nodeAbilities = Object.keys(abilityWords) as NodeAbility[];

/** Of the node-agent of this release. */
export const everyAbility: NodeAbilities = Object.fromEntries(nodeAbilities.map((ability) => [ability, true]));

export function abilitiesIn(hello: NodeAbilities): NodeAbilities {
  return Object.fromEntries(nodeAbilities.filter((ability) => hello[ability]).map((ability) => [ability, true]));
}
