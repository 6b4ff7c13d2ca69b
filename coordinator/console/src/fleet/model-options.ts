// What can be asked through the gateway, as options of a field: tiers, models that chat, agents.
import { useRoute } from '../data/query.ts';

type Option = [value: string, text: string];
const tiers: Option[] = [
  ['auto', 'auto: whatever can do it, the smallest first'],
  ['small', 'small'],
  ['medium', 'medium'],
  ['large', 'large'],
];

/** `chosen` is among them even when it is on no node now. */
export function useModelOptions(chosen: string): Option[] {
  const catalogue = useRoute('catalogue');
  const agents = useRoute('agents');
  const options: Option[] = [
    ...tiers,
    ...(catalogue.data?.models ?? [])
      .filter(({ kind, nodesOnDisk }) => kind === 'chat' && nodesOnDisk > 0)
      .map(({ name }): Option => [name, name]),
    ...(agents.data ?? []).map(({ name }): Option => [`agent/${name}`, `agent/${name}: with its memory`]),
  ];
  return options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen]];
}
