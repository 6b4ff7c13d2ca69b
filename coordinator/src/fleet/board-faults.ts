// Pins and sensors that a spec names and no node has: such a spec is refused at the API, by the field's name. A name that the agent has already
// stays: its node may have lost the pin, and everything else of it can be changed all the same.
import { type AgentSpec, defaultSpace, type Fault, listInWords, nearNames } from '@blackroad/protocol';
import { agentIdOf, type View } from '../state/view.ts';

type Named = { field: string; kind: 'pin' | 'sensor'; name: string };

export function boardFaults(view: View, spec: AgentSpec): Fault[] {
  const named = namedIn(spec);
  if (named.length === 0) return [];
  const there = { pin: new Set<string>(), sensor: new Set<string>() };
  for (const { id, status } of view.nodes.values()) {
    const capacity = view.live.get(id)?.capacity;
    // What a node has that was not heard yet, nobody knows.
    if (!capacity && status === 'active') return [];
    for (const pin of capacity?.board?.pins ?? []) there.pin.add(pin);
    for (const sensor of capacity?.board?.sensors ?? []) there.sensor.add(sensor);
  }
  // It is written before the first node joins.
  if (view.nodes.size === 0) return [];
  const before = view.agents.get(agentIdOf(view, defaultSpace, spec.name) ?? '');
  const had = new Set(before ? namedIn(before.spec).map(({ kind, name }) => `${kind} ${name}`) : []);
  return named.flatMap(({ field, kind, name }) => {
    if (there[kind].has(name) || had.has(`${kind} ${name}`)) return [];
    const names = [...there[kind]].sort();
    const near = nearNames(name, there[kind]);
    const hint = near.length > 0 ? ` (did you mean ${near.join(' or ')}?)` : '';
    const list = names.length > 0 ? `: ${listInWords(names, 'or', 10)}${hint}` : ', and none has one (docs/gpio.md)';
    return [{ field, expected: `a ${kind} that the owner of a node lists${list}`, got: JSON.stringify(name) }];
  });
}

function namedIn({ tools, triggers }: AgentSpec): Named[] {
  const found: Named[] = [];
  for (const [i, grant] of tools.entries()) {
    if (grant.tool === 'gpio')
      found.push(...grant.pins.map((name, j) => ({ field: `tools.${i}.pins.${j}`, kind: 'pin' as const, name })));
    if (grant.tool === 'sensor')
      found.push(
        ...grant.sensors.map((name, j) => ({ field: `tools.${i}.sensors.${j}`, kind: 'sensor' as const, name })),
      );
  }
  for (const [i, trigger] of triggers.entries())
    if ('pin' in trigger) found.push({ field: `triggers.${i}.pin`, kind: 'pin', name: trigger.pin });
  return found;
}
