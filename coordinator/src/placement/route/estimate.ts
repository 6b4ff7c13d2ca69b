// What is expected of a model on a node for a request: how long it waits, loads, reads and writes. From learned speeds where there are some,
// else from what is assumed of the class. Pure.
import { batchGainOf } from '../model/catalogue.ts';
import type { Expected, RouteAsk, RouteCandidate } from './candidate.ts';

/** An answer that runs is half done on average. */
const doneShare = 0.5;
/** A prompt is read so many times faster than an answer is written, until it is measured: what small models on CPUs show. */
const prefillPerDecode = 8;
/** A model that was never seen to load comes from a disk of this speed, bytes a second: an SD card or a USB stick. */
const diskBytesPerS = 80e6;
/** Assumed where neither a speed nor a size is known. */
const unknownTps = 5;

export function estimate(ask: RouteAsk, candidate: RouteCandidate): Expected {
  const { model, slots, busy, waiting } = candidate;
  const single = model.speed.decodeTps || unknownTps;
  const prefillTps = model.speed.prefillTps || single * prefillPerDecode;
  const cached = hasRead(ask, candidate) ? Math.min(ask.promptTokens, ask.sticky?.tokens ?? 0) : 0;
  const prefillMs = ((ask.promptTokens - cached) / prefillTps) * 1000;
  const beside = Math.min(slots, busy + 1);
  const tokensPerS = (single * (1 + batchGainOf(candidate.class) * (beside - 1))) / beside;
  const decodeMs = ask.kind === 'embed' ? 0 : (ask.answerTokens / tokensPerS) * 1000;
  const loadMs = model.resident ? 0 : (model.speed.loadMs ?? (model.sizeBytes / diskBytesPerS) * 1000);
  // Those ahead are taken for requests like this one.
  const ahead = Math.max(0, busy + waiting + 1 - slots);
  const waitMs = (ahead / slots) * (prefillMs + decodeMs) * (waiting > 0 ? 1 : doneShare);
  const firstMs = waitMs + loadMs + prefillMs;
  return { waitMs, loadMs, prefillMs, firstMs, finishMs: firstMs + decodeMs, tokensPerS };
}

export function hasRead({ sticky }: RouteAsk, { node, model }: RouteCandidate): boolean {
  return sticky !== null && sticky.node === node && sticky.model === model.name;
}
