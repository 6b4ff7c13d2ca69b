// Node-RED: the story, and a picture of its editor for whoever wants to see it. In: what was proven so far. Out: the same with its claims.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../fixtures/ports.ts';
import { findProgram } from '../../fixtures/programs.ts';
import { openStage } from '../home-assistant/stage.ts';
import type { Proofs } from '../proofs.ts';
import { installPackage, NodeRedInstance, nodeRedProgram, version } from './instance.ts';
import { takePicture } from './picture.ts';
import { type Cast, parts } from './story.ts';

const name = `Node-RED ${version}`;

/** `only`: one of the parts of the story, or `picture` for the picture alone, into the folder that PICTURE names. */
export async function nodeRed(proofs: Proofs, say: (line: string) => void, only = ''): Promise<void> {
  const ends: (() => unknown)[] = [];
  const t = { teardown: (end: () => unknown) => ends.unshift(end) };
  const prove = proofs.of(name);
  let red: NodeRedInstance | null = null;
  try {
    const program = nodeRedProgram(say);
    const folder = mkdtempSync(join(tmpdir(), 'node-red-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const files = installPackage(folder);
    await prove('the archive has the nodes, their dialogs and the examples, and no source', 0, async () => {
      const needed = ['dist/fleet.js', 'dist/fleet.html', 'dist/package.json', 'README.md', 'package.json'];
      const isWhole =
        needed.every((file) => files.includes(file)) && files.some((file) => file.startsWith('examples/'));
      return (isWhole && !files.some((file) => /^src\/|\.ts$/.test(file))) || files.join(', ');
    });
    red = new NodeRedInstance(program, folder, await freePort());
    const own = red;
    t.teardown(() => own.end('SIGKILL'));
    await prove('it starts with the package', 30_000, async () => {
      await own.start();
      return true;
    });
    const cast = await castOf(t, proofs, prove, own, folder);
    if (only === 'picture') await takePicture(cast);
    else for (const [part, tell] of Object.entries(parts)) if (only === '' || only === part) await tell(cast);
  } catch (error) {
    await prove('the story goes on to its end', 0, async () => (error as Error).stack ?? String(error));
  } finally {
    if (process.env.KEEP_LOG && red) say(red.log());
    for (const end of ends) await end();
  }
}

async function castOf(
  t: { teardown(end: () => unknown): unknown },
  proofs: Proofs,
  prove: Cast['prove'],
  red: NodeRedInstance,
  folder: string,
): Promise<Cast> {
  const stage = await openStage(t, 'embedded', 1);
  const { ids } = await stage.nodes('home', 1, ['--profile', 'home']);
  await stage.apply({ name: 'greeter' });
  for (;;) {
    const { state } = await stage.client.call('agent', { params: { agent: 'greeter' } });
    if (state === 'ready') break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { key } = await stage.client.call('keyCreate', { body: { name: 'node-red', role: 'operator' } });
  const { host, port, ca } = stage.broker;
  return {
    ...{ stage, red, prove, node: ids[0] as string, housePort: await house(t, folder) },
    http: { address: stage.client.url, key },
    people: { address: `mqtts://${host}:${port}`, key, ...(ca ? { ca } : {}) },
    notRun: (claim, why) => proofs.notRun(`${name}: ${claim}`, why),
  };
}

/** A Mosquitto as it runs in a house; null: it is not installed. */
async function house(t: { teardown(end: () => unknown): unknown }, folder: string): Promise<number | null> {
  const program = findProgram('mosquitto');
  if (program === null) return null;
  const port = await freePort();
  const config = join(folder, 'house.conf');
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\n`);
  const child = spawn(program, ['-c', config], { stdio: 'ignore' });
  t.teardown(() => {
    if (child.exitCode !== null) return;
    child.kill('SIGKILL');
    return once(child, 'exit');
  });
  return port;
}
