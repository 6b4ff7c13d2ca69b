// A thousand nodes in the real Home Assistant. The discovery messages and states are those of the product, made and paced by its own publisher;
// the nodes are rows of a test, since a thousand node-agents do not fit one machine beside Home Assistant. In: the stage. Out: claims.
import type { Prove } from '../proofs.ts';
import type { HomeAssistantInstance } from './instance.ts';
import type { Stage } from './stage.ts';

export async function largeFleet(_: { stage: Stage; home: HomeAssistantInstance; prove: Prove }): Promise<void> {
  throw new Error('not written yet');
}
