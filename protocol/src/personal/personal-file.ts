// The personal file: `blackroad.yaml` on the boot partition of a flashed card, which says whose Raspberry Pi it becomes. The console's wizard
// writes it or a person does, the first boot reads it. In: its bytes. Out: settings, or faults by line, none of which repeats a secret. Pure.
import { type Document, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { JoinTokenText, readJoinToken } from '../enrol.ts';
import { explain, faults } from '../faults.ts';
import { Labels, NodeId } from '../ids.ts';
import { maxPersonalFileBytes } from '../limits.ts';
import { nearNames } from '../near.ts';
import { type Static, Type } from '../typebox.ts';
import { lineOf } from '../yaml-line.ts';
import { handwriting, type PutRight } from './handwriting.ts';
import { within } from './within.ts';

const strict = { additionalProperties: false };

const WifiNetwork = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 32, description: 'Of the network (its SSID).' }),
    password: Type.Optional(
      Type.String({ minLength: 8, maxLength: 64, description: 'Of the network; missing: it is open to everybody.' }),
    ),
    hidden: Type.Optional(Type.Boolean({ description: 'The network does not tell its name.' })),
  },
  strict,
);

export const PersonalFile = Type.Object(
  {
    name: Type.Optional(NodeId),
    join: Type.Optional(
      Type.String({
        pattern: '^brj1\\.[A-Za-z0-9_-]{40,2000}$',
        description:
          'A join token; `fleet join-token create` makes one. The Pi removes it from the file once it has joined.',
      }),
    ),
    labels: Type.Optional(Labels),
    country: Type.Optional(
      Type.String({
        pattern: '^[A-Z]{2}$',
        description: 'Two letters, e.g. DE: which Wi-Fi channels are allowed where the Pi stands.',
      }),
    ),
    wifi: Type.Optional(
      Type.Array(WifiNetwork, {
        maxItems: 8,
        description: 'Networks, the preferred one first; one alone needs no list.',
      }),
    ),
    timeZone: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$',
        maxLength: 64,
        description: 'IANA time zone such as Europe/Berlin.',
      }),
    ),
    ssh: Type.Optional(
      Type.Object(
        {
          user: Type.Optional(
            Type.String({
              pattern: '^[a-z][a-z0-9-]{0,30}$',
              description: 'The user that the keys sign in as; `pi` where it is missing.',
            }),
          ),
          keys: Type.Array(
            Type.String({
              pattern:
                '^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\\.com|sk-ecdsa-sha2-nistp256@openssh\\.com) [A-Za-z0-9+/]{40,2000}={0,3}( [^\\u0000-\\u001f]*)?$',
              maxLength: 3000,
            }),
            {
              minItems: 1,
              maxItems: 16,
              description: 'Public keys, as they stand in a file that ends with .pub. Nobody signs in by a password.',
            },
          ),
        },
        { ...strict, description: 'Sign-in over the network; without it there is none.' },
      ),
    ),
    ollama: Type.Optional(
      Type.Boolean({ description: 'Install Ollama at the first boot; the fleet fetches models then.' }),
    ),
    readOnly: Type.Optional(
      Type.Boolean({
        description:
          'Keep the system read-only, so that the card may be pulled at any moment; what the node keeps lies on a partition of its own.',
      }),
    ),
  },
  { ...strict, description: 'What makes a flashed Raspberry Pi its owner’s. Everything may be left out.' },
);
export type PersonalFile = Static<typeof PersonalFile>;

export interface PersonalFault {
  line: number;
  field: string;
  /** In words, for the person; never with a secret. */
  text: string;
}
export type ReadPersonalFile = { putRight: PutRight[] } & (
  | { file: PersonalFile; faults?: never }
  | { file?: never; faults: PersonalFault[] }
);

export { maxPersonalFileBytes };

/** `under`: the settings are the value of this key, and what else the file says is not looked at. */
export function readPersonalFile(bytes: Uint8Array, { under }: { under?: string } = {}): ReadPersonalFile {
  if (bytes.length > maxPersonalFileBytes) {
    const text = `the file has ${bytes.length} bytes, and ${maxPersonalFileBytes} are the most`;
    return { putRight: [], faults: [{ line: 1, field: '(file)', text }] };
  }
  const { text, putRight } = handwriting(bytes);
  const lines = new LineCounter();
  // By the failsafe schema everything is text: a password of digits stays what was typed.
  const document: Document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    schema: 'failsafe',
    uniqueKeys: false,
  });
  const [broken] = document.errors;
  if (broken) {
    const { line } = lines.linePos(broken.pos[0]);
    return { putRight, faults: [{ line, field: '(file)', text: yamlWords(broken.message) }] };
  }
  document.contents = within(document, under) as Document['contents'];
  const found: PersonalFault[] = [];
  const blame = (field: string, words: string) =>
    found.push({ line: lineOf(document, field, lines), field, text: words });
  if (document.contents !== null && !isMap(document.contents)) {
    const words = 'expected settings, such as `name: kitchen`, one on a line';
    return { putRight, faults: [{ line: 1, field: '(file)', text: words }] };
  }
  const value = typed(document, blame);
  const isOneNetwork = isMap(
    (document.contents as { get?(key: string, keep: true): unknown } | null)?.get?.('wifi', true),
  );
  for (const { field, expected, got } of faults(PersonalFile, value)) {
    // A single network was made a list.
    const asWritten = isOneNetwork ? field.replace(/^wifi\.0\./, 'wifi.') : field;
    if (found.some((fault) => fault.field === asWritten)) continue;
    blame(asWritten, `expected ${expected}, got ${isSecret(field) ? lengthOf(value, field) : got}`);
  }
  const file = value as PersonalFile;
  if (found.length === 0) blameMeaning(file, isOneNetwork, blame);
  if (file.wifi !== undefined && file.country === undefined)
    blame(
      'wifi',
      'expected `country` beside it, with two letters (e.g. `country: DE`): which channels are allowed differs',
    );
  if (found.length > 0) return { putRight, faults: found.sort((a, b) => a.line - b.line) };
  return { putRight, file };
}

/** What the forms of the fields do not say. */
function blameMeaning(
  { wifi = [], timeZone, labels = {}, join }: PersonalFile,
  isOneNetwork: boolean,
  blame: Blame,
): void {
  wifi.forEach(({ name, password }, at) => {
    const field = isOneNetwork ? 'wifi' : `wifi.${at}`;
    const bytesOf = (text: string) => new TextEncoder().encode(text).length;
    if (bytesOf(name) > 32) blame(`${field}.name`, `expected at most 32 bytes in UTF-8, got ${bytesOf(name)}`);
    if (password !== undefined && bytesOf(password) > 63 && password.length !== 64)
      blame(`${field}.password`, `expected at most 63 bytes in UTF-8, got ${bytesOf(password)}`);
    else if (password?.length === 64 && !/^[0-9a-f]{64}$/i.test(password))
      blame(`${field}.password`, 'expected 8 to 63 characters, or the 64 digits of a key in hex, got 64 characters');
  });
  if (join !== undefined && explain(JoinTokenText, readJoinToken(join)) !== '')
    blame('join', `expected a whole join token, got ${join.length} characters that are damaged or cut short`);
  for (const [label, value] of Object.entries(labels))
    if (value.includes(',')) blame(`labels.${label}`, `expected a value without a comma, got ${JSON.stringify(value)}`);
  if (timeZone === undefined || timeZone === 'UTC') return;
  const zones = Intl.supportedValuesOf('timeZone');
  if (isTimeZone(timeZone)) return;
  const [near] = nearNames(timeZone, zones);
  blame(
    'timeZone',
    `expected an IANA time zone such as Europe/Berlin, got ${timeZone}${near ? `; did you mean ${near}?` : ''}`,
  );
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    // It takes other letters, and files of time zones do not.
    return !/^[a-z]|\/[a-z]/.test(name);
  } catch {
    return false;
  }
}

const isSecret = (field: string) => field === 'join' || field.endsWith('.password');
function lengthOf(value: unknown, field: string): string {
  const inner = field
    .split('.')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], value);
  return typeof inner === 'string' ? `${inner.length} characters` : 'something else';
}

function yamlWords(message: string): string {
  const words = message.split('\n')[0] ?? '';
  if (words.startsWith('Nested mappings'))
    return 'expected one `name: value` on a line; text with a colon and a space in it needs quotes';
  if (words.startsWith('Missing closing')) return 'expected a closing quote: what begins with a quote ends with one';
  return `expected YAML: ${words}`;
}

type Blame = (field: string, words: string) => void;
/** `exact`: spaces around what is quoted are meant. */
type Kind = 'text' | 'exact' | 'yes-no' | 'texts' | { [field: string]: Kind } | [{ [field: string]: Kind }] | 'labels';
const kinds: Record<string, Kind> = {
  name: 'text',
  join: 'text',
  labels: 'labels',
  country: 'text',
  wifi: [{ name: 'exact', password: 'exact', hidden: 'yes-no' }],
  timeZone: 'text',
  ssh: { user: 'text', keys: 'texts' },
  ollama: 'yes-no',
  readOnly: 'yes-no',
};

/** The document as a value whose fields have their canonical names and kinds; what is empty is left out. */
function typed(document: Document, blame: Blame): unknown {
  return document.contents === null ? {} : fieldsOf(document.contents, kinds, '', blame);
}

const plainKey = (name: string) => name.toLowerCase().replace(/[\s_-]/g, '');

function fieldsOf(node: unknown, known: Record<string, Kind>, at: string, blame: Blame): unknown {
  if (!isMap(node)) return isScalar(node) ? node.value : [];
  const out: Record<string, unknown> = {};
  for (const { key, value } of node.items) {
    if (!isScalar(key)) continue;
    const written = String(key.value ?? '');
    const name = Object.keys(known).find((each) => plainKey(each) === plainKey(written));
    const field = `${at}${name ?? written}`;
    if (name === undefined) {
      blame(field, noSuchSetting(written, known));
      continue;
    }
    // Faults are found by the name that the setting has.
    key.value = name;
    if (name in out) blame(field, 'expected once, and it is there twice');
    const given = read(value, known[name] as Kind, field, blame);
    if (given !== undefined) out[name] = given;
  }
  return out;
}

function noSuchSetting(written: string, known: Record<string, Kind>): string {
  const isMeant = (name: string) => plainKey(name) === plainKey(written);
  const outer = known === kinds ? undefined : Object.keys(kinds).find(isMeant);
  if (outer) return `${outer} does not belong here: write it at the beginning of a line`;
  const [near] = nearNames(plainKey(written), Object.keys(known).map(plainKey));
  const meant = Object.keys(known).find((name) => plainKey(name) === near);
  return `there is no such setting; ${meant ? `did you mean ${meant}?` : `there are ${Object.keys(known).join(', ')}`}`;
}

function read(node: unknown, kind: Kind, field: string, blame: Blame): unknown {
  const isEmpty = (text: string) => (kind === 'exact' ? text : text.trim()) === '';
  if (node === null || (isScalar(node) && isEmpty(String(node.value ?? '')))) return undefined;
  if (kind === 'yes-no') return yesOrNo(node, field, blame);
  if (kind === 'exact') return isScalar(node) ? String(node.value) : structure(node);
  if (kind === 'text') return isScalar(node) ? String(node.value).trim() : structure(node);
  if (kind === 'texts') return (isSeq(node) ? node.items : [node]).map((each) => read(each, 'text', field, blame));
  if (kind === 'labels') return isMap(node) ? node.toJSON() : structure(node);
  if (!Array.isArray(kind)) return fieldsOf(node, kind, `${field}.`, blame);
  const [fields] = kind;
  if (isSeq(node)) return node.items.map((each, i) => fieldsOf(each, fields, `${field}.${i}.`, blame));
  const one = fieldsOf(node, fields, `${field}.`, blame);
  return typeof one === 'object' && one !== null && Object.keys(one).length === 0 ? undefined : [one];
}
const structure = (node: unknown) =>
  isSeq(node) ? [] : isMap(node) ? {} : String((node as { value?: unknown }).value);

function yesOrNo(node: unknown, field: string, blame: Blame): boolean | undefined {
  const word = isScalar(node) ? String(node.value).trim().toLowerCase() : '';
  if (['yes', 'true', 'on'].includes(word)) return true;
  if (['no', 'false', 'off'].includes(word)) return false;
  blame(field, `expected yes or no, got ${JSON.stringify(word)}`);
  return undefined;
}
