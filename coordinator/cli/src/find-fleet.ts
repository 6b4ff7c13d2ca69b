// The address of the fleet and the key for it: from flags first, then from the environment, then from the fleet of this machine, which
// writes `fleet.json` into its data folder. Only this file and main.ts read the environment.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FleetError } from '@blackroad/protocol';
import { serverUrl } from '@blackroad/std/address';
import { quoted } from './invocation.ts';

export interface FleetPlace {
  url: string;
  key: string;
  /** PEM of the private CA, for HTTPS. */
  ca: string | null;
}
/** The file that a running coordinator writes into its data folder. */
export interface FleetFile {
  url: string;
  tlsUrl: string;
  keyFile: string;
  caFile: string;
  pid: number;
}
interface Whereabouts {
  coordinator?: string | undefined;
  key?: string | undefined;
  ca?: string | undefined;
  /** Data folder of `make up`, or of a coordinator that runs alone. */
  data: string;
  /** Whether a person named that folder. */
  isNamed: boolean;
}

export function readFleetFile(folder: string): FleetFile | null {
  try {
    return JSON.parse(readFileSync(join(folder, 'fleet.json'), 'utf8')) as FleetFile;
  } catch {
    return null;
  }
}

/** @throws FleetError no-coordinator, not-signed-in */
export function findFleet(where: Whereabouts): FleetPlace {
  if (where.coordinator) {
    const url = serverUrl(where.coordinator, { schemes: ['http', 'https'], port: 8400 });
    if (url === null) {
      throw new FleetError('invalid-request', {
        detail: `--coordinator: expected a URL like http://127.0.0.1:8400, got ${JSON.stringify(where.coordinator)}`,
      });
    }
    if (!where.key) {
      throw new FleetError('not-signed-in', { detail: 'A coordinator given by URL needs --key or BLACKROAD_KEY.' });
    }
    return {
      url,
      key: where.key,
      ca: where.ca ? readText(where.ca, '--ca') : null,
    };
  }
  for (const folder of [join(where.data, 'coordinator'), where.data]) {
    const file = readFleetFile(folder);
    if (file) return { url: file.url, key: where.key ?? readText(file.keyFile, 'the fleet file').trim(), ca: null };
  }
  throw new FleetError('no-coordinator', { detail: nothingThere(where) });
}

function nothingThere({ data, isNamed }: Whereabouts): string {
  if (isNamed && !existsSync(data)) return `There is no folder ${data}, so no fleet runs from it.`;
  return isNamed
    ? `No fleet runs from ${data}. Start one with make up DATA=${quoted(data)}.`
    : `No fleet runs from ${data}. Start one with make up; for one with another data folder give --data <folder> or set BLACKROAD_DATA; for one on another machine --coordinator <url> --key <key>.`;
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new FleetError(
      'not-signed-in',
      { detail: `${what}: cannot read ${path}: ${(cause as Error).message}` },
      { cause },
    );
  }
}
