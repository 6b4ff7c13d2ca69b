// Params of events and of the audit log before they are stored. In: the params of a decision. Out: the params for people and the store.
import type { AnyParams } from '@blackroad/protocol';

/** The params as the store returns them: JSON has no undefined. */
export function statedOf(params: object): AnyParams {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
}

/** Decisions use the id of an agent, people its name. */
export function withNames<P extends object>(params: P, nameOf: (agent: string) => string): P {
  const { agent } = params as { agent?: unknown };
  return typeof agent === 'string' ? { ...params, agent: nameOf(agent) } : params;
}
