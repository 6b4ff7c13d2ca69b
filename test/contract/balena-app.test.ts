// The app of docs/examples/balena agrees with the image of `make dist` and with the options of the node-agent, and uses what balena's builder takes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { nodeOptions } from '../../node-agent/src/config.ts';
import { products } from '../../release/src/products.ts';

const folder = new URL('../../docs/examples/balena', import.meta.url).pathname;
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

t.test('the compose file', async (t) => {
  const { services, volumes } = parse(read('docker-compose.yml')) as {
    services: Record<string, { volumes: string[]; build: string }>;
    volumes: object;
  };
  t.same(Object.keys(services), ['node']);
  t.same(services.node?.volumes, ['data:/data'], 'where the image keeps its data');
  t.same(Object.keys(volumes), ['data'], 'balena takes named volumes alone');
  const product = products.find(({ name }) => name === 'blackroad-node');
  t.equal(product?.image.env, nodeOptions.data.env);
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  t.match(read('node/Dockerfile.template'), `/blackroad-node:${version}-%%BALENA_ARCH%%\n`);
  t.match(parse(read('balena.yml')), { type: 'sw.application', version });
});

t.test('what an import sets is what the node-agent reads', async (t) => {
  const api = readFileSync(new URL('../../coordinator/src/api/balena.ts', import.meta.url), 'utf8');
  const account = readFileSync(new URL('../../balena/src/account.ts', import.meta.url), 'utf8');
  for (const { env } of [nodeOptions.joinToken, nodeOptions.name]) t.match(api, env);
  t.match(account, nodeOptions.joinToken.env);
  t.equal(nodeOptions.balenaDevice.otherEnv, 'BALENA_DEVICE_UUID');
});
