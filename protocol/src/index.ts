// @blackroad/protocol: all that two processes must agree on, and nothing else.
export * from './agent.ts';
export * from './classes.ts';
export * from './codec.ts';
export * from './command.ts';
export * from './cut.ts';
export * from './enrol.ts';
export * from './feed.ts';
export * from './ids.ts';
export * from './limits.ts';
export * from './memory.ts';
export * from './node.ts';
export * from './placement.ts';
export * from './problem.ts';
export * from './routes.ts';
export * from './task.ts';
export * from './topics.ts';
export type { Static, TSchema } from './typebox.ts';
export { Type } from './typebox.ts';
