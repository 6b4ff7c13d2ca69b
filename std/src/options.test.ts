// Secrets among the options: they come from the environment or from a file, and no error message holds one.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { optionsHelp, readOptions } from './options.ts';

const table = {
  password: { type: 'secret', flag: 'password-file', env: 'FLEET_PASSWORD', default: '', text: 'Password.' },
  broker: {
    type: 'url',
    form: { schemes: ['mqtt'] },
    credentials: '--user and FLEET_PASSWORD',
    flag: 'broker',
    env: 'FLEET_BROKER',
    default: '',
    text: 'Broker.',
  },
  server: {
    type: 'url',
    form: { schemes: ['http'] },
    flag: 'server',
    env: 'FLEET_SERVER',
    default: '',
    text: 'Server.',
  },
} as const;
const dir = mkdtempSync(join(tmpdir(), 'options-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const file = (text: string) => {
  const path = join(dir, 'secret');
  writeFileSync(path, text);
  return path;
};
const read = (argv: string[], env: Record<string, string> = {}) => readOptions(table, argv, env).password;

t.test('a secret is read from its variable, or from the file that its flag names', async (t) => {
  t.equal(read([]), '');
  t.equal(read([], { FLEET_PASSWORD: ' spaces stay ' }), ' spaces stay ');
  t.equal(read(['--password-file', file('from a file\n')], { FLEET_PASSWORD: 'other' }), 'from a file');
  t.equal(read(['--password-file', file('x'.repeat(4096))]).length, 4096);
  const others = { password: { ...table.password, otherEnv: 'OTHER_PASSWORD' } } as const;
  const env = { OTHER_PASSWORD: 'of another program' };
  t.equal(readOptions(others, [], env).password, 'of another program', 'its variable holds the secret too, no file');
  t.equal(readOptions(others, ['--password-file', file('ours')], env).password, 'ours');
  t.match(optionsHelp(table, 80), /--password-file <file> {3}\(FLEET_PASSWORD\)/);
});

t.test('a file that holds no secret is said by its option', async (t) => {
  const fault = (path: string, message: RegExp) => t.throws(() => read(['--password-file', path]), { message });
  fault(join(dir, 'none'), /^--password-file: .*none cannot be read: there is no such file\.$/);
  fault(dir, /^--password-file: .* cannot be read: there is a folder of this name/);
  fault(file('\n'), /^--password-file: expected a secret, got an empty file\.$/);
  fault(file('one\ntwo\n'), /^--password-file: expected a secret of one line, got several\.$/);
  fault(file('x'.repeat(5000)), /^--password-file: expected a secret of at most 4096 bytes, got more\.$/);
  t.throws(() => read([], { FLEET_PASSWORD: 'hunter2\nhunter3' }), {
    message: 'FLEET_PASSWORD: expected a secret of one line, got several.',
  });
});

t.test('no error holds a password', async (t) => {
  const silent = (argv: string[], message: RegExp) => {
    t.throws(() => readOptions(table, argv, {}), { message });
    t.throws(() => readOptions(table, argv, {}), { message: /^(?!.*hunter2)/ });
  };
  silent(['--password=hunter2'], /^--password: no such option\. Known are --password-file, /);
  silent(
    ['--broker', 'mqtt://me:hunter2@box'],
    /^--broker: expected an address without user name and password; give them as --user and FLEET_PASSWORD\.$/,
  );
  silent(['--broker', 'http//me:a/hunter2@b@box'], /^--broker: expected an address without user name/);
  silent(
    ['--server', 'http://me:a/hunter2@b@box'],
    /^--server: expected an address like .*, got "http:\/\/\.\.\.@box"\.$/,
  );
});
