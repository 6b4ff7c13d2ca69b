// The load of each model of this node, for the heartbeat. In: running and waiting requests by model, and the models that the runtimes
// serve, with the requests of others to their servers. Out: one line for each model that is loaded or has requests; adapters show what
// their model has to do, because they share its slots. Pure.
import { type ModelLoad, maxModelsInHealth, maxRequestsPerModel } from '@blackroad/protocol';
import type { AdmissionLoad } from '../runtimes/admission.ts';
import { engineOf } from '../runtimes/runtime.ts';
import type { Served } from './model-look.ts';

export function modelLoadsOf(gates: readonly AdmissionLoad[], served: readonly Served[]): ModelLoad[] {
  const loads = gates.flatMap(({ model: engine, slots, busy, waiting }): ModelLoad[] => {
    const sharing = served.filter(({ model }) => engineOf(model) === engine);
    const gone = { model: { name: engine, resident: false }, runtime: null };
    return (sharing.length > 0 ? sharing : [gone]).flatMap(({ model: { name, resident }, runtime }): ModelLoad[] => {
      const others = runtime?.others?.(name) ?? 0;
      if (!resident && busy + waiting + others === 0) return [];
      const inside = others > 0 ? { others: told(others) } : {};
      return [{ name, busy: told(busy), waiting: told(waiting), slots: told(slots), ...inside }];
    });
  });
  return loads.toSorted((a, b) => requestsOf(b) - requestsOf(a)).slice(0, maxModelsInHealth);
}

const told = (count: number) => Math.min(count, maxRequestsPerModel);
const requestsOf = ({ busy, waiting, others = 0 }: ModelLoad) => busy + waiting + others;
