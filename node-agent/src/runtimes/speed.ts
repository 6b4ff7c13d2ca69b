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

/** Reading speeds far above the learned one, in a row. */
interface Doubts {
  count: number;
  lowest: number;
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
// So many answers in a row far above the learned value: it was the exception, as the first answer of a server that still built its kernels.
const enoughDoubts = 8;
// A model that was resident already reports a load of milliseconds.
const minLoadMs = 50;

export function createSpeedBook(): SpeedBook {
  const speeds = new Map<string, LearnedSpeed>();
  const doubts = new Map<string, Doubts>();

  // Ollama and vLLM count a whole prompt though they read only the part that their cache lacks (measured: 450 and then 3,600 tokens a
  // second). A value far above the learned one is due to the cache, not the machine, unless it stays that way; one far below is the first
  // real measurement after cached ones.
  function movedDoubting(model: string, before: number, seen: number): number {
    if (before === 0 || seen <= before * doubtful) {
      if (seen > 0) doubts.delete(model);
      return seen > 0 && seen * doubtful < before ? seen : moved(before, seen);
    }
    const { count, lowest } = doubts.get(model) ?? { count: 0, lowest: seen };
    const now = { count: count + 1, lowest: Math.min(lowest, seen) };
    doubts.set(model, now);
    if (now.count < enoughDoubts) return before;
    doubts.delete(model);
    return now.lowest;
  }

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
      if (!speeds.has(model) && speeds.size >= maxModels) {
        const oldest = speeds.keys().next().value as string;
        speeds.delete(oldest);
        doubts.delete(oldest);
      }
      speeds.set(model, {
        model,
        prefillTps:
          usage.cachedTokens === undefined
            ? movedDoubting(model, before.prefillTps, prefill)
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
