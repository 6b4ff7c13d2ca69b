// A dial whose connection can be cut from outside, for simulated nodes: the network between a node and the fleet is away for a while.
import { ConnectProblem } from '../identity/trust.ts';
import type { Dial, Link } from './dial.ts';

export interface BreakableDial {
  dial: Dial;
  /** Ends the connection as a broken network does, and refuses new ones. */
  cut(): void;
  mend(): void;
}

const words = 'the network is away (simulated)';

export function createBreakableDial(dial: Dial): BreakableDial {
  let link: Link | null = null;
  let isCut = false;
  return {
    async dial(options) {
      if (isCut) throw new ConnectProblem(words);
      const made = await dial({
        ...options,
        onClose(problem) {
          link = null;
          options.onClose(problem);
        },
      });
      link = made;
      // It was cut while the handshake was under way.
      if (isCut) made.destroy(words);
      return made;
    },
    cut() {
      isCut = true;
      link?.destroy(words);
    },
    mend() {
      isCut = false;
    },
  };
}
