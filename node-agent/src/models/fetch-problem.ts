// Why a model could not be fetched, in plain words a person reads beside the progress bar, and in a kind the fetcher acts on.

type FetchProblemKind =
  /** The place does not answer: the next place may. */
  | 'unreachable'
  /** The place answers, but has not what we want or refuses it. */
  | 'refused'
  /** What came is not what the catalogue says. */
  | 'damaged'
  | 'no-space'
  /** A program that the place needs is not installed. */
  | 'missing-tool'
  | 'aborted';

export class FetchProblem extends Error {
  readonly kind: FetchProblemKind;
  constructor(kind: FetchProblemKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'FetchProblem';
    this.kind = kind;
  }
}

export function abortedProblem(): FetchProblem {
  return new FetchProblem(
    'aborted',
    'stopped before the model was complete; the next try goes on where this one ended',
  );
}
