// What went wrong between the editor and the coordinator, as a sentence for a person. Pure.
import { FleetError } from '@blackroad/protocol';

const strangers = /self[- ]signed|unable to (verify|get)|UNABLE_TO_|CERT_/i;

export function faultWords(error: unknown): string {
  if (!(error instanceof FleetError)) return error instanceof Error ? error.message : String(error);
  const { code, message } = error;
  if (code === 'no-coordinator' && strangers.test(message))
    return `${message} Its certificate is signed by the fleet's own CA: sign in again, and choose its file ca.pem.`;
  if (code === 'not-signed-in') return `${message} Fleet: Sign in takes another key.`;
  return message;
}

/** Asking again does not help: a person has to do something first. */
export const needsPerson = (error: unknown): boolean =>
  error instanceof FleetError && (error.code === 'not-signed-in' || error.code === 'not-allowed');
