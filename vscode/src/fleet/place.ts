// Where the fleet of this editor is, and the key for it: what a person types, judged in words, and how it is kept. Pure.
import { isLoopbackAddress, serverUrl } from '@blackroad/std/address';
import type { FleetPlace } from '../../../coordinator/cli/src/find-fleet.ts';

const form = { schemes: ['http', 'https'], port: 8400 };
const maxKeyChars = 200;
export const maxCaBytes = 64 * 1024;

/** What is wrong with an address, as a sentence; null: it can be asked. */
export function addressFault(text: string): string | null {
  const url = serverUrl(text, form);
  if (url === null)
    return `Address: expected one like http://127.0.0.1:8400 or https://pi.lan:8401, got ${JSON.stringify(text.slice(0, 80))}.`;
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || hostname === 'localhost' || isLoopbackAddress(hostname.replace(/^\[(.*)\]$/, '$1')))
    return null;
  return 'Address: expected https:// for another machine (port 8401); over http:// everybody on the way could read the key.';
}
/** The address that is meant, of a text without a fault. */
export const addressOf = (text: string): string => serverUrl(text, form) as string;

export function keyFault(text: string): string | null {
  const key = text.trim();
  if (/^brk_[0-9a-zA-Z_-]+$/.test(key) && key.length <= maxKeyChars) return null;
  return 'Key: expected what fleet keys create printed, which begins with brk_.';
}

export function caFault(pem: string): string | null {
  if (/-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(pem)) return null;
  return "CA: expected the file ca.pem of the coordinator's data folder, a certificate in PEM.";
}

export const keptPlace = (place: FleetPlace): string => JSON.stringify(place);
/** Null: nothing is kept, or what an editor of another version kept. */
export function placeOf(kept: string | undefined): FleetPlace | null {
  try {
    const { url, key, ca } = JSON.parse(kept ?? '') as Record<string, unknown>;
    if (typeof url !== 'string' || typeof key !== 'string' || addressFault(url) || keyFault(key)) return null;
    return { url, key, ca: typeof ca === 'string' ? ca : null };
  } catch {
    return null;
  }
}
