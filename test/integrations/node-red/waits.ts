// What the stories in Node-RED wait for beside their claims: it is nobody's time.
import type { Cast } from './story.ts';

const patienceMs = 60_000;

/** @throws where it does not hold within a minute */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${patienceMs / 1_000} s: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
/** The fleet's node comes back to its coordinator by its own backoff: that is not the flow's time. */
export function nodeIsBack({ stage, node }: Cast): Promise<void> {
  return until(async () => {
    const view = await stage.client.call('node', { params: { node } }).catch(() => null);
    return view?.presence === 'online';
  });
}
