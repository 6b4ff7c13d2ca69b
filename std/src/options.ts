// Reads a process's configuration once: a table of options in, a frozen object out. A flag wins over the environment, the environment over
// the default. Errors name the option, its value and the expected one, and never hold a secret.
import { closeSync, openSync, readSync } from 'node:fs';
import { type AddressForm, hostName, serverUrl } from './address.ts';
import { errnoSentence } from './errno.ts';

interface OptionBase {
  /** The flag, e.g. `--data`. */
  flag: string;
  /** Environment variable. */
  env: string;
  /** Another program's variable, read where neither the flag nor our own is given. */
  otherEnv?: string;
  text: string;
}
interface TextOption extends OptionBase {
  type: 'text';
  default: string;
}
interface NumberOption extends OptionBase {
  type: 'number';
  default: number;
  min: number;
  max: number;
}
interface ChoiceOption<C extends string = string> extends OptionBase {
  type: 'choice';
  default: C;
  choices: readonly C[];
}
/** The address of a server: the value is a whole URL, or one of `words` unchanged. */
interface UrlOption extends OptionBase {
  type: 'url';
  default: string;
  form: AddressForm;
  words?: readonly string[];
  /** So many addresses at most, with commas between them; the value has commas alone. Missing: one. */
  most?: number;
  /** The options that hold the user name and the password, as the address itself may not. */
  credentials?: string;
}
/** A host name or an IP address without a port. */
interface HostOption extends OptionBase {
  type: 'host';
  default: string;
  /** Whether others connect to this host: then an address that stands for all interfaces is not allowed. */
  isTarget?: boolean;
}
/**
 * A password or a key. Every user of a machine can read its command lines, so the flag names a file that holds the secret; the
 * environment variable holds the secret itself.
 */
interface SecretOption extends OptionBase {
  type: 'secret';
  default: '';
}
/** A file that is read at the start: the flag and the environment variable name it, the value is its text. */
interface FileOption extends OptionBase {
  type: 'file';
  default: '';
}
export type Option = TextOption | NumberOption | ChoiceOption | UrlOption | HostOption | SecretOption | FileOption;
type ValueOf<O> = O extends { type: 'number' }
  ? number
  : O extends { type: 'choice'; choices: readonly (infer C)[] }
    ? C
    : string;
export type Values<T extends Record<string, Option>> = { readonly [K in keyof T]: ValueOf<T[K]> };

export class OptionError extends Error {
  override readonly name = 'OptionError';
}

/**
 * `argv` without node and script. Unknown flags and stray words throw OptionError, unless `rest` collects words.
 * @throws OptionError
 */
export function readOptions<const T extends Record<string, Option>>(
  table: T,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  rest?: string[],
): Values<T> {
  const byFlag = new Map(Object.entries(table).map(([key, option]) => [`--${option.flag}`, key]));
  const given = new Map<string, string>();
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    const [name, inline] = word.startsWith('--') ? splitOnce(word) : [word, undefined];
    const key = byFlag.get(name);
    if (key === undefined) {
      if (rest && !word.startsWith('-')) {
        rest.push(word);
        continue;
      }
      // The text after the `=` is left out: it may be a secret.
      throw new OptionError(`${name}: no such option. Known are ${[...byFlag.keys()].join(', ')}.`);
    }
    const value = inline ?? argv[++i];
    if (value === undefined) throw new OptionError(`${name} needs a value.`);
    given.set(key, value);
  }
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(table)) {
    const [where, text] = [
      [`--${option.flag}`, given.get(key)] as const,
      [option.env, env[option.env]] as const,
      [option.otherEnv ?? '', env[option.otherEnv ?? '']] as const,
    ].find(([, value]) => value !== undefined && value !== '') ?? ['', ''];
    values[key] = text === undefined || text === '' ? option.default : parse(option, text, where);
  }
  return Object.freeze(values) as Values<T>;
}

/** Whether a person asks for the list of options instead of starting the process. */
export function asksForHelp(argv: readonly string[]): boolean {
  return argv.includes('--help') || argv.includes('-h') || argv[0] === 'help';
}
/** Every option with its environment variable, its default and its text, on lines of at most `columns`. */
export function optionsHelp(table: Record<string, Option>, columns: number): string {
  const room = Math.max(40, columns) - 4;
  return Object.values(table)
    .map((option) => {
      const preset = option.default === '' ? '' : `, ${JSON.stringify(option.default)} unless told`;
      return [
        `  --${option.flag} ${placeholder(option)}   (${option.env}${preset})`,
        ...folded(option.text, room).map((line) => `    ${line}`),
      ].join('\n');
    })
    .join('\n');
}
function placeholder(option: Option): string {
  if (option.type === 'choice') return option.choices.join('|');
  return option.type === 'number' ? '<n>' : option.type === 'secret' || option.type === 'file' ? '<file>' : '<text>';
}
function folded(text: string, room: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) as string;
    if (line !== '' && line.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

function splitOnce(word: string): [string, string | undefined] {
  const at = word.indexOf('=');
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function parse(option: Option, text: string, where: string): unknown {
  if (option.type === 'text') return text;
  if (option.type === 'choice') {
    if (option.choices.includes(text)) return text;
    throw new OptionError(`${where}: expected one of ${option.choices.join(', ')}, got ${JSON.stringify(text)}.`);
  }
  if (option.type === 'url') return urlOf(option, text, where);
  if (option.type === 'host') return hostOf(option, text, where);
  if (option.type === 'secret') return secretOf(where === `--${option.flag}` ? secretIn(text, where) : text, where);
  if (option.type === 'file') return wholeFile(text, where);
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number) || number < option.min || number > option.max) {
    throw new OptionError(
      `${where}: expected a number from ${option.min} to ${option.max}, got ${JSON.stringify(text)}.`,
    );
  }
  return number;
}

function urlOf(option: UrlOption, text: string, where: string): string {
  const { form, words = [], credentials, most = 1 } = option;
  if (words.includes(text)) return text;
  if (most > 1 && text.includes(',')) {
    const all = text.split(',').map((part) => urlOf({ ...option, most: 1 }, part.trim(), where));
    if (all.length > most) throw new OptionError(`${where}: expected at most ${most} addresses, got ${all.length}.`);
    return [...new Set(all)].join(',');
  }
  const url = serverUrl(text, form);
  if (url !== null) return url;
  if (credentials && text.includes('@'))
    throw new OptionError(`${where}: expected an address without user name and password; give them as ${credentials}.`);
  const example = `${form.schemes[0]}://192.168.1.20${form.port === undefined ? '' : `:${form.port}`}`;
  const others = words.map((word) => ` or ${word}`).join('');
  throw new OptionError(
    `${where}: expected an address like ${example}${others}, got ${JSON.stringify(withoutUser(text))}.`,
  );
}
/** A password may precede the `@`, and contain any character, `@` too. */
function withoutUser(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/i, '$1...@');
}
function hostOf({ isTarget }: HostOption, text: string, where: string): string {
  const host = hostName(text);
  if (host !== null && !(isTarget && (host === '0.0.0.0' || host === '::'))) return host;
  const expected = isTarget ? 'a host name or address that other machines reach' : 'a host name or address';
  throw new OptionError(`${where}: expected ${expected}, without scheme and port, got ${JSON.stringify(text)}.`);
}

const maxSecretBytes = 4096;
const maxFileBytes = 256 * 1024;

function secretOf(text: string, where: string): string {
  if (text === '') throw new OptionError(`${where}: expected a secret, got an empty file.`);
  if (/[\r\n]/.test(text)) throw new OptionError(`${where}: expected a secret of one line, got several.`);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxSecretBytes)
    throw new OptionError(`${where}: expected a secret of at most ${maxSecretBytes} bytes, got more.`);
  return text;
}
/** The content of a file without the end of its last line. */
function secretIn(path: string, where: string): string {
  return startOf(path, where, maxSecretBytes + 3).replace(/\r?\n$/, '');
}
function wholeFile(path: string, where: string): string {
  const text = startOf(path, where, maxFileBytes + 1);
  if (Buffer.byteLength(text) <= maxFileBytes) return text;
  throw new OptionError(`${where}: expected a file of at most ${maxFileBytes} bytes, ${path} has more.`);
}
/** At most so many bytes: enough to find that a file is too long. */
function startOf(path: string, where: string, most: number): string {
  const bytes = Buffer.alloc(most);
  try {
    const file = openSync(path, 'r');
    try {
      return bytes.toString('utf8', 0, readSync(file, bytes));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file.' : (errnoSentence({ code }) ?? message);
    throw new OptionError(`${where}: ${path} cannot be read: ${why}`);
  }
}
