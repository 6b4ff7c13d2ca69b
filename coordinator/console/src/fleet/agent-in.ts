// An agent as a model of the gateway: `agent/greeter`.
const prefix = 'agent/';

/** The name of the agent; null: it is a model. */
export function agentIn(model: string): string | null {
  return model.startsWith(prefix) ? model.slice(prefix.length) : null;
}
