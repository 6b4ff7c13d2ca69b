// The options of consolidation, and what they mean.
import { readWindow } from '@blackroad/protocol/rollout-words';
import { OptionError, type Values } from '@blackroad/std/options';
import type { NightlyRuns } from './drivers/consolidator.ts';

export const consolidationOptions = {
  consolidate: {
    type: 'text',
    flag: 'consolidate',
    env: 'BLACKROAD_CONSOLIDATE',
    default: '',
    text: "Quiet hours, such as 02:00-05:00 in the fleet's time zone, in which memories are consolidated (docs/memory.md). Empty: never by itself.",
  },
  consolidateModel: {
    type: 'text',
    flag: 'consolidate-model',
    env: 'BLACKROAD_CONSOLIDATE_MODEL',
    default: 'auto',
    text: 'Model, or tier, that is asked then what replaces what, and for summaries; only where it costs nothing and nobody else needs it. none: words and vectors alone.',
  },
} as const;

/** When memories are consolidated by themselves; null: never. @throws OptionError */
export function nightlyOf({ consolidate, consolidateModel }: Values<typeof consolidationOptions>): NightlyRuns | null {
  if (consolidate === '') return null;
  const read = readWindow(consolidate);
  if ('unread' in read || !isTime(read.window.from) || !isTime(read.window.to))
    throw new OptionError(`--consolidate: expected hours such as 02:00-05:00, got ${JSON.stringify(consolidate)}`);
  if (consolidateModel.startsWith('agent/'))
    throw new OptionError(`--consolidate-model: expected a model or a tier such as auto, got ${consolidateModel}`);
  return { window: read.window, model: consolidateModel === 'none' ? null : consolidateModel };
}
const isTime = (text: string) => /^([01]\d|2[0-3]):[0-5]\d$/.test(text);
