// The signature of a message as Standard Webhooks has it: HMAC-SHA256 over id, time and body, one for each secret that is good now. In: the
// message. Out: its headers.
import { createHmac } from 'node:crypto';

const prefix = 'whsec_';

/** @param hex of 24 to 64 bytes */
export function secretOf(hex: string): string {
  return `${prefix}${Buffer.from(hex, 'hex').toString('base64')}`;
}

export function signedHeaders(
  { id, atMs, body }: { id: string; atMs: number; body: string },
  secrets: readonly string[],
): Record<string, string> {
  const seconds = Math.floor(atMs / 1000);
  const sign = (secret: string) =>
    createHmac('sha256', Buffer.from(secret.slice(prefix.length), 'base64'))
      .update(`${id}.${seconds}.${body}`)
      .digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': secrets.map((secret) => `v1,${sign(secret)}`).join(' '),
  };
}
