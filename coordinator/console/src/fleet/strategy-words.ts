// The placement strategy of the fleet in one sentence, the same on every page.
import type { FleetTotals } from '@blackroad/protocol';

export const strategyWords: Record<FleetTotals['strategy'], string> = {
  spread: 'Agents go where they run best; over nodes that suit them alike they share out (strategy spread).',
  pack: 'Few nodes are filled, so that whole nodes stay free (strategy pack).',
};
