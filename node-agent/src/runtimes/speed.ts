// The measured speed of a model on this node: tokens a second while it reads a prompt (prefill) and while it writes (decode), and how long
// it takes to load. Learned from the usage of finished answers; a running mean in which old answers fade slowly. Before the first
// measurement it reports nothing: the coordinator uses its prior until then.

import type { Usage } from '@blackroad/model-server/chat';
import { maxLoadMs, maxTokensPerS } from '@blackroad/protocol';

export interface LearnedSpeed {
  model: string;
  /** 0 until measured. */
  prefillTps: number;
  decodeTps: number;
  loadMs: number;
  samples: number;
}

interface SpeedBook {
  learn(model: string, usage: Usage): void;
  of(model: string): LearnedSpeed | undefined;
  all(): LearnedSpeed[];
  /** Restores the speeds that an earlier run learned. */
  restore(speeds: LearnedSpeed[]): void;
}

// The newest answer has a weight of a fifth: a Pi that begins to throttle shows after a handful of answers.
const weight = 0.2;
// Shorter answers measure overhead, not the model.
const minPrefillTokens = 16;
const minDecodeTokens = 8;
const minMs = 1;
const maxModels = 256;
const doubtful = 3;
// A model that was resident already reports a load of milliseconds.
const minLoadMs = 50;

export function createSpeedBook(): SpeedBook {
  const speeds = new Map<string, LearnedSpeed>();
  return {
    learn(model, usage) {
      const fresh = usage.promptTokens - (usage.cachedTokens ?? 0);
      const prefill = fresh >= minPrefillTokens && usage.prefillMs >= minMs ? (fresh / usage.prefillMs) * 1000 : 0;
      const decode =
        usage.completionTokens >= minDecodeTokens && usage.decodeMs >= minMs
          ? (usage.completionTokens / usage.decodeMs) * 1000
          : 0;
      if (prefill === 0 && decode === 0) return;
      if (!isSane({ prefillTps: prefill, decodeTps: decode, loadMs: usage.loadMs })) return;
      const before = speeds.get(model) ?? { model, prefillTps: 0, decodeTps: 0, loadMs: 0, samples: 0 };
      if (!speeds.has(model) && speeds.size >= maxModels) speeds.delete(speeds.keys().next().value!);
      speeds.set(model, {
        model,
        prefillTps:
          usage.cachedTokens === undefined
            ? movedDoubting(before.prefillTps, prefill)
            : moved(before.prefillTps, prefill),
        decodeTps: moved(before.decodeTps, decode),
        loadMs: moved(before.loadMs, usage.loadMs >= minLoadMs ? usage.loadMs : 0),
        samples: before.samples + 1,
      });
    },
    of: (model) => speeds.get(model),
    all: () => [...speeds.values()],
    restore(saved) {
      for (const speed of saved.slice(0, maxModels)) if (isSane(speed)) speeds.set(speed.model, speed);
    },
  };
}

/** A server may report any number: one answer of 1e300 tokens would stay in the mean for ever, and the protocol refuses such figures. */
function isSane({ prefillTps, decodeTps, loadMs }: Pick<LearnedSpeed, 'prefillTps' | 'decodeTps' | 'loadMs'>): boolean {
  return prefillTps <= maxTokensPerS && decodeTps <= maxTokensPerS && loadMs <= maxLoadMs;
}

function moved(before: number, seen: number): number {
  if (seen === 0) return before;
  return before === 0 ? seen : before + weight * (seen - before);
}

// Ollama counts a whole prompt though it read only the part that its cache lacked (measured: 450 and then 3,600 tokens a second). A value
// far above the learned one is due to the cache, not the machine; one far below is the first real measurement after cached ones.
function movedDoubting(before: number, seen: number): number {
  if (before > 0 && seen > before * doubtful) return before;
  if (seen > 0 && seen * doubtful < before) return seen;
  return moved(before, seen);
}
