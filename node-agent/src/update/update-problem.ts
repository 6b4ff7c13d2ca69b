// Why an update ends before anything is changed: `refused`, the order or its release is not good; `failed`, it could not be done here.
export class UpdateProblem extends Error {
  override readonly name = 'UpdateProblem';
  readonly state: 'refused' | 'failed';
  constructor(state: 'refused' | 'failed', message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.state = state;
  }
}
export const refused = (text: string): UpdateProblem => new UpdateProblem('refused', text);
