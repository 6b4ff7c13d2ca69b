// What a person types about a Raspberry Pi, as its personal file or as faults by field. The schema itself stays out of the page: the validator
// would be most of it; a test holds both together. Pure.
import type { PersonalFile } from '@blackroad/protocol/personal-file';

export interface PiDraft {
  name: string;
  wifi: string;
  password: string;
  hidden: boolean;
  country: string;
  timeZone: string;
  sshUser: string;
  sshKeys: string;
  ollama: boolean;
  readOnly: boolean;
}
export type DraftFaults = Partial<Record<keyof PiDraft, string>>;

const bytesOf = (text: string) => new TextEncoder().encode(text).length;
/** As a person counts: an emoji is one character. */
const lengthOf = (text: string) => [...new Intl.Segmenter().segment(text)].length;
const publicKey =
  /^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]{40,2000}={0,3}( .*)?$/;

export function personalFileOf(draft: PiDraft, token: string): { file: PersonalFile } | { faults: DraftFaults } {
  const { name, wifi, password, hidden, country, timeZone, sshUser, sshKeys, ollama, readOnly } = draft;
  const faults: DraftFaults = {};
  if (name !== '' && !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
    faults.name = 'Small letters, digits and dashes, at most 63; a letter or digit first and last.';
  if (bytesOf(wifi) > 32) faults.wifi = `A network's name has at most 32 bytes, this has ${bytesOf(wifi)}.`;
  if (password !== '' && wifi === '') faults.wifi = 'The password of which network?';
  if (password !== '' && (lengthOf(password) < 8 || bytesOf(password) > 63) && !/^[0-9a-f]{64}$/i.test(password))
    faults.password = `It has 8 to 63 characters, this has ${lengthOf(password)}.`;
  if (wifi !== '' && !/^[A-Za-z]{2}$/.test(country))
    faults.country = 'Two letters, such as DE: which Wi-Fi channels are allowed differs.';
  const keys = sshKeys
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  if (sshKeys.includes('PRIVATE KEY'))
    faults.sshKeys = 'This is the secret key, which stays where it is. Take the file that ends with .pub.';
  else if (keys.some((key) => !publicKey.test(key)))
    faults.sshKeys = 'A line of a file that ends with .pub, such as "ssh-ed25519 AAAA... you@laptop".';
  else if (keys.length > 16) faults.sshKeys = `16 keys at most, these are ${keys.length}.`;
  if (keys.length > 0 && !/^[a-z][a-z0-9-]{0,30}$/.test(sshUser))
    faults.sshUser = 'Small letters, digits and dashes, a letter first.';
  if (Object.keys(faults).length > 0) return { faults };
  return {
    file: {
      ...(name === '' ? {} : { name }),
      join: token,
      ...(wifi === ''
        ? {}
        : {
            country: country.toUpperCase(),
            wifi: [{ name: wifi, ...(password === '' ? {} : { password }), ...(hidden ? { hidden } : {}) }],
          }),
      ...(timeZone === '' ? {} : { timeZone }),
      ...(keys.length === 0 ? {} : { ssh: { user: sshUser, keys } }),
      ...(ollama ? { ollama } : {}),
      ...(readOnly ? { readOnly } : {}),
    },
  };
}
