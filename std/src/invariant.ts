// A broken invariant means that the state of the process is no longer to be trusted: it stops with the invariant's name and systemd starts
// it again. The names are listed in docs/invariants.md.

export class InvariantError extends Error {
  readonly invariant: string;
  constructor(invariant: string, message: string) {
    super(`[${invariant}] ${message}`);
    this.name = 'InvariantError';
    this.invariant = invariant;
  }
}

/** Throws InvariantError unless `claim` holds. `invariant` is a name of docs/invariants.md, e.g. `INV-one-end`. */
export function invariant(claim: unknown, name: string, message: string): asserts claim {
  if (!claim) throw new InvariantError(name, message);
}
