// Why an agent is not ready, as codes: a code stays when its words change, so programs compare codes. The node that holds the agent reports
// most of them, with words of its own; the coordinator adds those of a node that is away.

/** Reported by the node that holds the agent. */
export const nodeReasons = {
  'memory-taken': 'another node writes its memory',
  'memory-fetching': 'its memory comes from the coordinator; with progress. A ready agent answers with a part of it',
  'memory-asking': 'the coordinator is asked where its memory stands',
  'memory-leaving': 'it is about to leave its node, which ends what runs and brings its last memories first',
  'model-queued': 'its model waits to be fetched',
  'model-fetching': 'its model is fetched; with progress where the size is known',
  'model-not-fetched': 'its model could not be fetched; it is tried again',
  'model-not-loaded': 'its model does not load; it is tried again',
  'model-missing': 'no runtime there serves its model now',
} as const;
export type NodeReason = keyof typeof nodeReasons;

const agentReasons = {
  ...nodeReasons,
  'node-suspect': 'its node is not heard of for the moment',
  'node-lost-waits': 'its node is lost, and it waits for that node',
  'node-lost-alone': 'its node is lost, and it may still run there',
  'node-lost-frozen': 'its node is lost, and moves are frozen',
  'node-lost-moves': 'its node is lost, and it is about to be placed elsewhere',
  'budget-used-up': 'its budget is used up; it is ready again when the budget is renewed or raised',
} as const;
export type AgentReason = keyof typeof agentReasons;
export const agentReasonCodes = Object.keys(agentReasons) as AgentReason[];
