// A model of this node as it is reported to the fleet: from its runtime, and from what was measured here. Pure.
import { type NodeModel, priorDecodeTps } from '@blackroad/protocol';
import type { Learned } from './learned.ts';
import type { Served } from './model-look.ts';

/** Of weights in 16 bits, a billion parameters. */
const bytesPerBillion = 2e9;

/** `bandwidthBytesPerS`: of the machine's memory; it gives the assumed speed until one is measured. */
export function describeModel(
  { runtime, model }: Served,
  learned: Pick<Learned, 'speedOf' | 'peakOf'>,
  bandwidthBytesPerS: number,
): NodeModel {
  const speed = learned.speedOf(model.name);
  const peakBytes = learned.peakOf(model);
  // A server that does not tell the size of its weights is most likely a vLLM, which serves them in 16 bits.
  const prior = priorDecodeTps(bandwidthBytesPerS, model.sizeBytes || model.parametersB * bytesPerBillion);
  return {
    name: model.name,
    aliases: model.aliases,
    runtime: runtime.kind,
    kind: model.kind,
    sizeBytes: model.sizeBytes,
    contextTokens: model.contextTokens,
    resident: model.resident,
    ...(model.asleep ? { asleep: true as const } : {}),
    ...(model.adapterOf === undefined ? {} : { adapterOf: model.adapterOf }),
    residentBytes: model.residentBytes,
    ...(peakBytes > 0 ? { peakBytes } : {}),
    ...(model.kvBytesPerToken === undefined ? {} : { kvBytesPerToken: model.kvBytesPerToken }),
    parametersB: model.parametersB,
    ...(model.tier === undefined ? {} : { tier: model.tier }),
    ...(model.price === undefined ? {} : { price: model.price }),
    slots: model.slots,
    tools: model.tools,
    ...(model.sees === undefined ? {} : { sees: model.sees }),
    speed: {
      prefillTps: speed?.prefillTps ?? 0,
      decodeTps: speed?.decodeTps || Math.round(prior * 10) / 10,
      ...(speed?.loadMs ? { loadMs: Math.round(speed.loadMs) } : {}),
      // A model that only read prompts has no measured writing speed: the assumed one stays.
      samples: speed?.decodeTps ? speed.samples : 0,
    },
  };
}
