// Where the fleet is, as the configuration node has it. In: the texts of its fields. Out: the place, or a sentence on the field that is wrong.
import { serverUrl } from '@blackroad/std/address';
import { Trouble } from './trouble.ts';

interface Fields {
  address: string;
  key: string;
  /** The text of a certificate, or the path of a file. */
  ca: string;
}
export interface Place {
  way: 'http' | 'mqtt';
  /** Without a slash at its end. */
  url: string;
  key: string;
  keyId: string;
  ca: string | null;
}

const schemes = ['http', 'https', 'mqtts', 'mqtt'] as const;
const peoplePort = 8405;
const form = /^brk_([a-z0-9]{1,40})_[0-9a-f]{32,128}$/;
const expected = 'http://127.0.0.1:8400, https://fleet.lan:8401 or mqtts://fleet.lan:8405';

/** @throws Trouble bad-settings */
export function placeOf({ address, key, ca }: Fields, readFile: (path: string) => string): Place {
  const bad = (text: string) => new Trouble('bad-settings', text);
  if (address.trim() === '') throw bad(`Address: expected one like ${expected}, got nothing`);
  const url = serverUrl(address, { schemes, port: 8400 });
  if (url === null) throw bad(`Address: expected one like ${expected}, got ${JSON.stringify(address)}`);
  if (key.trim() === '')
    throw bad('Key: expected brk_..., got nothing. `fleet keys create node-red --role operator` makes one');
  const keyId = form.exec(key.trim())?.[1];
  if (keyId === undefined) throw bad('Key: expected a whole key, brk_<id>_<secret>, got something else');
  const isMqtt = url.startsWith('mqtt');
  const hasPort = new URL(url).port !== '';
  return {
    way: isMqtt ? 'mqtt' : 'http',
    url: isMqtt && !hasPort ? `${url}:${peoplePort}` : url,
    key: key.trim(),
    keyId,
    ca: certificateIn(ca.trim(), readFile),
  };
}

function certificateIn(text: string, readFile: (path: string) => string): string | null {
  if (text === '') return null;
  const pem = text.startsWith('-----BEGIN') ? text : read(text, readFile);
  if (/-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(pem)) return pem;
  throw new Trouble(
    'bad-settings',
    'CA certificate: expected the text of ca.pem or the path of that file, got neither',
  );
}
function read(path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path);
  } catch (error) {
    throw new Trouble('bad-settings', `CA certificate: ${path} cannot be read here: ${(error as Error).message}`);
  }
}
