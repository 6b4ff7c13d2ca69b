// The repeat penalty of very small models, against repetition: measured on SmolLM2 135M, which loops at temperature 0 without it.

/** Below this many billions of parameters a model counts as tiny. */
const tinyParametersB = 1;

/** The repeat penalty for a model of this size; undefined leaves the server's own. */
export function repeatPenaltyFor(parametersB: number): number | undefined {
  return parametersB > 0 && parametersB < tinyParametersB ? 1.1 : undefined;
}
