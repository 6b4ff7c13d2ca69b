// Why a model could not be fetched: in plain words for a person, beside the progress bar, and as a kind for the code that fetches.

type FetchProblemKind =
  /** The place does not answer: the next place may. */
  | 'unreachable'
  /** The place answers, but does not have the file or refuses it. */
  | 'refused'
  /** The file that came does not match the catalogue. */
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
