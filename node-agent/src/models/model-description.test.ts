import t from 'tap';
import { describeModel } from './model-description.ts';

const unknown = { speedOf: () => undefined, peakOf: () => 0 };
const model = {
  name: 'qwen2.5-7b-instruct',
  aliases: [],
  kind: 'chat' as const,
  sizeBytes: 0,
  contextTokens: 4096,
  resident: true,
  residentBytes: 0,
  parametersB: 7.6,
  slots: 16,
  tools: true,
  dimension: 0,
  digest: '',
};
const described = (over: Partial<typeof model>) =>
  describeModel({ runtime: { kind: 'openai' } as never, model: { ...model, ...over } }, unknown, 2e12);

t.test('the speed of a model that was never asked', async (t) => {
  t.same(described({}).speed, { prefillTps: 0, decodeTps: 131.6, samples: 0 }, 'of its parameters in 16 bits');
  t.equal(described({ sizeBytes: 4e9 }).speed.decodeTps, 500, 'of its size, where that is told');
  t.equal(described({ parametersB: 0 }).speed.decodeTps, 0, 'nothing is known of it');
});
