// Why a webhook could not be made or changed, for its form.
import { ApiProblem } from '../../data/api.ts';
import { wordsOf } from '../../kit/words.ts';

/** The first fault of a field as a sentence, else what the coordinator says. */
export function refusalOf(error: unknown): string {
  const [fault] = (error instanceof ApiProblem && error.problem?.faults) || [];
  return fault?.text ?? wordsOf(error);
}
