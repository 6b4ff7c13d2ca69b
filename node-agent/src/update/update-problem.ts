// Why an update ends before anything is changed: `refused`, the order or its release is not good; `failed`, it could not be done here.
import type { InstallRefusal } from '@blackroad/protocol';

export class UpdateProblem extends Error {
  override readonly name = 'UpdateProblem';
  readonly state: 'refused' | 'failed';
  /** Of what is refused, as the fleet counts it. */
  readonly reason: InstallRefusal | null;
  constructor(reason: InstallRefusal | null, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.state = reason === null ? 'failed' : 'refused';
    this.reason = reason;
  }
}
export const refused = (text: string, reason: InstallRefusal = 'content'): UpdateProblem =>
  new UpdateProblem(reason, text);
