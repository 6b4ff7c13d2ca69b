// Params of events and of the audit log on their way into a row. In: as a decision states them. Out: as people and stores have them.
import type { AnyParams } from '@blackroad/protocol';

/** As a store gives them back: JSON knows no undefined. */
export function statedOf(params: object): AnyParams {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
}

/** Decisions know an agent by its id, people by its name. */
export function withNames<P extends object>(params: P, nameOf: (agent: string) => string): P {
  const { agent } = params as { agent?: unknown };
  return typeof agent === 'string' ? { ...params, agent: nameOf(agent) } : params;
}
