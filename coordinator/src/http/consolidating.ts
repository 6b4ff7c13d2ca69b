// The parts of consolidation put together: its results are objects, its model is any of the fleet that has time and costs nothing.
import type { ModelMessage, Principal } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { Consolidator, type NightlyRuns } from '../drivers/consolidator.ts';
import type { FleetVectors } from '../drivers/fleet-vectors.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { wholeWithin } from '../gateway/whole.ts';
import { answerTokens, Judgement } from '../memory/judged.ts';
import type { StoredResult } from '../memory/run-results.ts';
import type { Objects } from '../objects/objects.ts';
import { pacer } from '../proofs/pacer.ts';
import type { Coordinator } from '../road/coordinator.ts';
import type { RunRow } from '../state/run-rows.ts';
import { compiledCheck } from './compiled-check.ts';

/** A Pi that has to load the model first writes some five hundred tokens in it. */
const judgedWithinMs = 300_000;

interface ConsolidatingParts {
  coordinator: Coordinator;
  gateway: Gateway;
  fleetVectors: FleetVectors;
  objects: Objects;
  nightly: NightlyRuns | null;
  clock: Clock;
  random: Random;
  log: Log;
}

export async function readResults(objects: Objects, { parts }: RunRow): Promise<StoredResult[]> {
  const lines = (await objects.readWhole(parts)).toString().split('\n');
  return lines.map((line) => JSON.parse(line) as StoredResult);
}

export function consolidatorOf({ gateway, fleetVectors, objects, clock, ...parts }: ConsolidatingParts): Consolidator {
  const consolidator = new Consolidator({
    ...parts,
    clock,
    vectorModel: async () => (await fleetVectors.searched())[0] ?? null,
    async ask(model: string, messages: ModelMessage[], by: Principal) {
      const sampling = { temperature: 0 };
      const request = { kind: 'chat' as const, messages, schema: { ...Judgement }, maxTokens: answerTokens, sampling };
      const ask = {
        ...{ models: [model], request: { ...request, think: false as const }, answers: 1, stream: false },
        ...{ session: null, idle: true as const },
      };
      const { answers } = await wholeWithin({ gateway, clock }, ask, { by, withinMs: judgedWithinMs, what: 'answer' });
      const { text = '', usage } = answers[0] ?? {};
      return { text, tokens: usage ? usage.promptTokens + usage.completionTokens : 0 };
    },
    read: (row) => readResults(objects, row),
    keep: async (results) => (await objects.put(results.map((each) => JSON.stringify(each)).join('\n'))).sha256,
    pace: pacer(clock),
    check: compiledCheck,
  });
  consolidator.start();
  return consolidator;
}
