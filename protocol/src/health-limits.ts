// From where on what a node measures of itself is trouble: the coordinator's signs and the node's events read the same bounds.
const gib = 1024 ** 3;

/**
 * Trouble begins at `from` and lasts to `until`: a value that wavers around one bound would begin and end it with every look. Where `until`
 * is the lower one, high values are the trouble; else low ones are.
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
/** An update of the system takes one GiB of it, a small model the other. */
export const diskLowBytes: Bound = { from: 2 * gib, until: 2.5 * gib };
/** A day's logs, or one update, leave nothing of it. */
export const diskFullBytes: Bound = { from: gib / 2, until: gib };

/** A trouble that did not come again for so long is over: undervoltage and throttling come and go with the load, second by second. */
export const troubleOverAfterMs = 5 * 60_000;
