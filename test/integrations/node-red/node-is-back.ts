// What the stories in Node-RED wait for beside their claims: the fleet's node comes back to its coordinator by its own backoff, which is not the flow's
// time.
import { until } from '../../fixtures/until.ts';
import type { Cast } from './story.ts';

const patienceMs = 60_000;
/** Each look is a request, of which a key has so many a minute. */
const everyMs = 50;

export function nodeIsBack({ stage, node }: Cast): Promise<void> {
  const isBack = async () => {
    const view = await stage.client.call('node', { params: { node } }).catch(() => null);
    return view?.presence === 'online';
  };
  return until(isBack, patienceMs, everyMs);
}
