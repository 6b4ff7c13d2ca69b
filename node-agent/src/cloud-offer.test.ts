// The options of a cloud node: what it offers, and how a mistake is told.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { cloudOffer } from './cloud-offer.ts';
import { readConfig } from './config.ts';

const dir = mkdtempSync(join(tmpdir(), 'cloud-offer-'));
t.teardown(() => rmSync(dir, { recursive: true }));
function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}
function offer(argv: string[], env: Record<string, string> = {}) {
  const config = readConfig(argv, env, []);
  return config.cloud === 'none' ? null : cloudOffer(config.cloud, config);
}
const key = ['--cloud-key-file', file('key', 'sk-1\n')];

t.test('nothing is offered unless a provider is named', async (t) => {
  t.equal(offer([]), null);
  t.equal(offer([], { OPENAI_API_KEY: 'sk-other-program' }), null);
});

t.test('the models of the provider, all or those that are named, in that order', async (t) => {
  const all = offer(['--cloud', 'anthropic', ...key]);
  t.match(all, { provider: 'anthropic', apiKey: 'sk-1', url: undefined });
  t.ok(all?.models.every(({ provider }) => provider === 'anthropic'));
  const named = offer([
    '--cloud',
    'openai',
    '--cloud-models',
    'gpt-6-sol, gpt-6-luna,',
    '--cloud-url',
    'https://gate.example/v1',
    ...key,
  ]);
  t.same(
    named?.models.map(({ name }) => name),
    ['gpt-6-sol', 'gpt-6-luna'],
  );
  t.equal(named?.url, 'https://gate.example');
});

t.test('a file corrects prices and adds models', async (t) => {
  const price = { read: 3, written: 4 };
  const own = file(
    'own.json',
    JSON.stringify({ models: [{ provider: 'openai', name: 'house', contextTokens: 9000, price }] }),
  );
  const found = offer(['--cloud', 'openai', '--cloud-models', 'house', ...key], { BLACKROAD_CLOUD_CATALOGUE: own });
  t.match(found?.models, [{ name: 'house', price }]);
});

t.test('the key comes from a file, a credential of systemd, or the environment', async (t) => {
  file('cloud-key', 'sk-credential');
  const env = { BLACKROAD_CLOUD: 'openai', BLACKROAD_CLOUD_KEY: 'sk-env' };
  t.equal(offer([], env)?.apiKey, 'sk-env');
  t.equal(offer([], { ...env, CREDENTIALS_DIRECTORY: dir })?.apiKey, 'sk-credential');
  t.equal(offer(key, { ...env, CREDENTIALS_DIRECTORY: dir })?.apiKey, 'sk-1');
  t.equal(offer([], { ...env, CREDENTIALS_DIRECTORY: join(dir, 'none') })?.apiKey, 'sk-env');
});

t.test('a mistake is told by its option, without the key', async (t) => {
  const rows: [string[], RegExp][] = [
    [['--cloud', 'openai'], /^--cloud: expected the API key with it, in a file named by --cloud-key-file/],
    [['--cloud', 'other'], /^--cloud: expected one of none, openai, anthropic, got "other"/],
    [['--cloud', 'openai', '--openai', 'http://box:8000', ...key], /^--cloud: expected no --openai beside it/],
    [
      ['--cloud', 'openai', '--cloud-models', 'claude-opus-5-5', ...key],
      /^--cloud-models: expected models of openai with a price, got "claude-opus-5-5"\. Known are gpt-/,
    ],
    [
      ['--cloud', 'openai', '--cloud-catalogue', join(dir, 'none'), ...key],
      /^--cloud-catalogue: .*none cannot be read: there is no such file/,
    ],
    [
      ['--cloud', 'openai', '--cloud-catalogue', file('bad', '{"models": 1}'), ...key],
      /^--cloud-catalogue: models: expected array/,
    ],
    [['--cloud', 'openai', '--cloud-catalogue', file('large', ' '.repeat(300_000)), ...key], /at most 262144 bytes/],
  ];
  for (const [argv, message] of rows) t.throws(() => offer(argv), { message });
  t.throws(() => offer(['--cloud-key=sk-1']), { message: /^--cloud-key: no such option(?!.*sk-1)/ });
});
