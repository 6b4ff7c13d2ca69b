// A heartbeat within the bytes of its topic. Names of models and texts of troubles may be long and many, and the coordinator refuses a
// larger heartbeat completely: its node would look silent. In: a heartbeat. Out: the same, with shorter lists where it was too large. Pure.
import { maxHealthBytes, type NodeHealth } from '@blackroad/protocol';

/** Lists that may be shortened, each with the most important entries first. Leases and graphics cards are never cut: the coordinator
 * withdraws a lease that is not named, and counts a card that is not named as lost. They fit beside all figures. */
const cuttable = ['models', 'triggerTroubles', 'pins', 'gpuTroubles'] as const;

export function fittedHealth(health: NodeHealth): NodeHealth {
  let fitted = health;
  while (bytesOf(fitted) > maxHealthBytes) {
    const [largest] = cuttable.toSorted((a, b) => bytesOf(fitted[b]) - bytesOf(fitted[a]));
    const list = largest === undefined ? undefined : fitted[largest];
    if (largest === undefined || list === undefined || list.length === 0) return fitted;
    fitted = { ...fitted, [largest]: list.slice(0, -1) };
  }
  return fitted;
}

function bytesOf(value: unknown): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value));
}
