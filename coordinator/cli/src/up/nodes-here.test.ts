// The environment of the node-agents of `make up`: the key of a paid API reaches the node for it alone.
import t from 'tap';
import { cloudIn, withoutCloud } from './nodes-here.ts';

t.test('the paid API that the environment names', async (t) => {
  t.equal(cloudIn({ BLACKROAD_CLOUD: 'openai' }), 'openai');
  for (const none of [{}, { BLACKROAD_CLOUD: '' }, { BLACKROAD_CLOUD: 'none' }]) t.equal(cloudIn(none), null);
});

t.test('the node of the machine itself gets neither the provider nor the key', async (t) => {
  const env = { PATH: '/bin', BLACKROAD_CLOUD: 'openai', BLACKROAD_CLOUD_KEY: 'sk', BLACKROAD_OLLAMA: 'none' };
  t.same(withoutCloud(env), { PATH: '/bin', BLACKROAD_OLLAMA: 'none' });
});
