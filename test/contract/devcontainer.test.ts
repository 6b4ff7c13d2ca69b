// The dev container starts what the project has: its ports, its command, a Node that is new enough.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readConfig } from '../../coordinator/src/config.ts';
import { peoplePortOf } from '../../coordinator/src/people-options.ts';

const root = new URL('../..', import.meta.url).pathname;
const read = (path: string) => readFileSync(join(root, path), 'utf8');

t.test('the dev container', async (t) => {
  const { image, postCreateCommand, forwardPorts, portsAttributes } = JSON.parse(
    read('.devcontainer/devcontainer.json'),
  );
  const config = readConfig([], {});
  t.same(forwardPorts, [config.port, peoplePortOf(config)]);
  t.same(Object.keys(portsAttributes).map(Number), forwardPorts);
  const [, target] = /^make ([a-z-]+)$/.exec(postCreateCommand) ?? [];
  t.match(read('Makefile'), new RegExp(`^${target}:`, 'm'));
  const [, major] = /^node:(\d+)-/.exec(image) ?? [];
  const [, least] = /^>=(\d+)\./.exec(JSON.parse(read('package.json')).engines.node) ?? [];
  t.ok(Number(major) >= Number(least), image);
  t.ok(read('Makefile').includes(`node-linux-$(ARCH)@${major}`), 'the Node that make install fetches elsewhere');
});
