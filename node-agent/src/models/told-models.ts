// The models of a server, cut to what the fleet accepts: a model with a page of text for a name, or a context of 1e308 tokens, would have
// the whole message of its node refused, and with it every other model. Pure.
import { maxCapacityBytes, maxCount, maxMeasure, maxModelsPerNode } from '@blackroad/protocol';
import type { RuntimeModel } from '../runtimes/runtime.ts';

const maxNameChars = 200;
const maxAliases = 16;

/** Bytes of all models of a node as JSON: three quarters of a capacity message. */
const maxBytes = maxCapacityBytes * 0.75;
/** The runtime, the measured speed and the peak, which are sent with each model. */
const besidesBytes = 150;

/** For one look at all runtimes of a node: called with the models of each, in turn. Models beyond the bounds are left out. */
export function createToldModels(): (models: readonly RuntimeModel[]) => RuntimeModel[] {
  let count = 0;
  let bytes = 0;
  return (models) => {
    const told: RuntimeModel[] = [];
    for (const model of models) {
      if (!isName(model.name)) continue;
      const sane = withinBounds(model);
      const size = Buffer.byteLength(JSON.stringify(sane)) + besidesBytes;
      if (count === maxModelsPerNode || bytes + size > maxBytes) break;
      count++;
      bytes += size;
      told.push(sane);
    }
    return told;
  };
}

function withinBounds({ adapterOf, ...model }: RuntimeModel): RuntimeModel {
  return {
    ...model,
    ...(isName(adapterOf) ? { adapterOf: adapterOf as string } : {}),
    aliases: model.aliases.filter(isName).slice(0, maxAliases),
    sizeBytes: wholeOf(model.sizeBytes),
    contextTokens: wholeOf(model.contextTokens),
    residentBytes: wholeOf(model.residentBytes),
    ...(model.kvBytesPerToken === undefined ? {} : { kvBytesPerToken: wholeOf(model.kvBytesPerToken) }),
    parametersB: isMeasure(model.parametersB) ? model.parametersB : 0,
    slots: wholeOf(model.slots),
  };
}

const isName = (name: unknown) => typeof name === 'string' && name !== '' && [...name].length <= maxNameChars;
const isMeasure = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= maxMeasure;
/** The value as a whole number; 0, which means unknown, where it is not a count. */
function wholeOf(value: unknown): number {
  return isMeasure(value) && value <= maxCount ? Math.round(value) : 0;
}
