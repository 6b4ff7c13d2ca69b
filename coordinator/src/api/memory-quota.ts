// Whether an agent may have more memories: what is given to it is refused at the door where its spec allows no more. In: the agent, and how many
// would come. Out: a FleetError. What its node remembers by itself is counted there.
import { FleetError } from '@blackroad/protocol';
import { memoryFull } from '@blackroad/protocol/memory-words';
import type { ApiContext } from '../http/context.ts';
import { documentsOf, givenTo } from '../memory/given.ts';

export async function refuseTooMany({ coordinator }: ApiContext, agent: string, more: number): Promise<void> {
  const { view, store } = coordinator;
  const spec = view.agents.get(agent)?.spec;
  const atMost = spec?.memory.atMost;
  if (!spec || atMost === undefined) return;
  const waiting =
    givenTo(view, agent).filter(({ kind }) => kind !== 'withdraw').length +
    documentsOf(view, agent).reduce((sum, { removing, chunks, written }) => sum + (removing ? 0 : chunks - written), 0);
  const has = (await store.memoryCount(agent)) + waiting;
  if (has + more > atMost) throw new FleetError('fleet-full', { detail: memoryFull(spec.name, { atMost, has, more }) });
}
