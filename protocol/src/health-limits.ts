// The bounds beyond which a measurement of a node is a trouble: the coordinator's conditions and the node's events use the same ones.
const gib = 1024 ** 3;

/**
 * A trouble begins at `from` and ends at `until`: with one bound, a value that wavers around it would begin and end the trouble with every
 * measurement. Where `until` is the lower one, high values are the trouble, otherwise low ones.
 */
export interface Bound {
  from: number;
  until: number;
}
export function isBeyond({ from, until }: Bound, value: number, was: boolean): boolean {
  const edge = was ? until : from;
  return from > until ? value >= edge : value < edge;
}

/** A Pi slows down at 80 °C. */
export const hotC: Bound = { from: 80, until: 75 };
/** The firmware of a Pi slows it down as far as it can. */
export const overheatedC: Bound = { from: 85, until: 82 };
/** An update of the system needs one GiB of it, a small model the other. */
export const diskLowBytes: Bound = { from: 2 * gib, until: 2.5 * gib };
/** A day's logs, or one update, can fill it. */
export const diskFullBytes: Bound = { from: gib / 2, until: gib };

/** A trouble ends when it has not occurred for so long: undervoltage and throttling come and go with the load, second by second. */
export const troubleOverAfterMs = 5 * 60_000;
