// What the stories in Node-RED wait for beside their claims: it is nobody's time.
import type { Cast } from './story.ts';

/** @throws where it does not hold within 30 s */
export async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 30_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not within 30 s: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
/** The fleet's node comes back to its coordinator by its own backoff: that is not the flow's time. */
export async function nodeIsBack({ stage, node }: Cast): Promise<void> {
  for (;;) {
    const view = await stage.client.call('node', { params: { node } }).catch(() => null);
    if (view?.presence === 'online') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
