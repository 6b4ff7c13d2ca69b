// How much a count proves. Pure.

/** The chance of `count` or more where `expected` are expected and each comes by itself (Poisson). */
export function chanceOfAtLeast(count: number, expected: number): number {
  if (count <= 0) return 1;
  if (expected <= 0) return 0;
  // Beyond this e^-expected loses its digits; the normal distribution is close by then.
  if (expected > 500) return normalAbove((count - 0.5 - expected) / Math.sqrt(expected));
  let term = Math.exp(-expected);
  let below = term;
  for (let i = 1; i < count; i++) {
    term *= expected / i;
    below += term;
  }
  return Math.max(0, 1 - below);
}
/** Abramowitz and Stegun 26.2.17, off by less than 1e-7. */
function normalAbove(z: number): number {
  if (z < 0) return 1 - normalAbove(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const sum = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}

/** The largest share of failures at which none in `tries` would still be seen once in twenty times. */
export function unseenShare(tries: number): number {
  return tries <= 0 ? 1 : 1 - 0.05 ** (1 / tries);
}
