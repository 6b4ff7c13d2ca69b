// A claim of a check; what was said is shown where it does not hold.
export function mustHold(holds: boolean, what: string, said: string): asserts holds {
  if (!holds) throw new Error(`NOT SO: ${what}\n${said}`);
}
