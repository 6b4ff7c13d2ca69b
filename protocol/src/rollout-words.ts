// Waves as a person types them, in a terminal or in the console. Only types are imported, so that a browser need not load the validators.
import type { RolloutWave } from './rollout.ts';

export const usualWaves = '1,5%,25%,100%';

/** `1,5%,25%,100%`; `ring=canary` is a label, `alice+bob` are names. `unread`: the part that is none of these. */
export function readWaves(text: string): { waves: RolloutWave[] } | { unread: string } {
  const waves: RolloutWave[] = [];
  for (const each of text.split(',')) {
    const part = each.trim();
    const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(part)?.[1];
    const at = part.indexOf('=');
    if (percent !== undefined) waves.push({ percent: Number(percent) });
    else if (/^\d+$/.test(part)) waves.push({ count: Number(part) });
    else if (at > 0) waves.push({ labels: { [part.slice(0, at)]: part.slice(at + 1) } });
    else if (/^[a-z0-9-]+(\+[a-z0-9-]+)*$/.test(part)) waves.push({ names: part.split('+') });
    else return { unread: part };
  }
  return { waves };
}
