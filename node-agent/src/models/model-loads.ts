// The load of each model of this node, for the heartbeat. In: running and waiting requests by model, and the models that the runtimes
// serve, with the requests of others to their servers. Out: one line for each model that is loaded or has requests. Pure.
import { type ModelLoad, maxModelsInHealth, maxRequestsPerModel } from '@blackroad/protocol';
import type { AdmissionLoad } from '../runtimes/admission.ts';
import type { Served } from './model-look.ts';

export function modelLoadsOf(gates: readonly AdmissionLoad[], served: readonly Served[]): ModelLoad[] {
  const loads = gates.flatMap(({ model: name, slots, busy, waiting }): ModelLoad[] => {
    const one = served.find(({ model }) => model.name === name);
    const others = one?.runtime.others?.(name) ?? 0;
    if (!one?.model.resident && busy + waiting + others === 0) return [];
    return [
      {
        name,
        busy: told(busy),
        waiting: told(waiting),
        slots: told(slots),
        ...(others > 0 ? { others: told(others) } : {}),
      },
    ];
  });
  return loads.toSorted((a, b) => requestsOf(b) - requestsOf(a)).slice(0, maxModelsInHealth);
}

const told = (count: number) => Math.min(count, maxRequestsPerModel);
const requestsOf = ({ busy, waiting, others = 0 }: ModelLoad) => busy + waiting + others;
