// Events on the model servers of this node: a server answers, or does not any more. In: the state of its runtimes after each look. Out:
// events. The embedded runtime is a part of the node-agent and not a server.

import { type ModelSituation, silentText } from '../models/model-notes.ts';
import type { RuntimeKind } from '../runtimes/runtime.ts';
import type { TellEvent } from '../transport/node-event.ts';
import { createLasting, type Lasting } from './lasting.ts';

/** A server that restarts is back within seconds: agents notice that, automations need not. */
const lostAfterMs = 30_000;

export function createRuntimeEvents(tell: TellEvent): {
  look(runtimes: ModelSituation['runtimes'], nowMs: number): void;
} {
  // A node has one server at most, whose label changes with its version.
  const servers = new Map<RuntimeKind, { lasting: Lasting; hasAnswered: boolean }>();
  return {
    look(runtimes, nowMs) {
      for (const runtime of runtimes) {
        const { kind, label, problem } = runtime;
        if (kind === 'llama') continue;
        const known = servers.get(kind);
        const server = known ?? {
          lasting: createLasting({ beginsAfterMs: lostAfterMs, overAfterMs: 0 }),
          hasAnswered: false,
        };
        if (!known) servers.set(kind, server);
        const told = server.lasting.look(problem ? 1 : 0, nowMs);
        const data = { kind, runtime: label };
        if (told === 1) tell('runtime-lost', { ...data, problem: silentText(runtime).slice(0, 1000) });
        else if (!problem && (told === 0 || !server.hasAnswered)) tell('runtime-found', data);
        server.hasAnswered ||= problem === null;
      }
    },
  };
}
