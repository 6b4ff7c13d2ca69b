// What the stories of `make image-boot` share: a coordinator of this machine, the image in QEMU as the node `kitchen`, a model server that echoes, and
// lines that say what happened. In: an image. Out: a stage, or an assertion that fails.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, unlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { PersonalFile } from '@blackroad/protocol/personal-file';
import { writePersonalFile } from '../../protocol/src/personal/write-personal-file.ts';
import { type ModelServer, startModelServer } from '../fixtures/model-server.ts';
import { type Fleet, startFleet, until } from '../fixtures/processes.ts';
import { chainFault, ended, memoryOf, submit } from '../fixtures/steps.ts';
import { openUpstream, type Upstream } from './ollama-upstream.ts';
import { type Pi, piOf, startMs } from './pi.ts';

/** This machine, as QEMU shows it to the one inside. */
const host = '10.0.2.2';
export const name = 'kitchen';
const agent = 'greeter';

export interface Stage {
  fleet: Fleet;
  pi: Pi;
  /** Where releases of Ollama come from. */
  upstream: Upstream;
  say(words: string): void;
  /** Writes the image and this file to the card, and starts it. Resolves when it is online. */
  flashed(personal: Partial<PersonalFile>): Promise<void>;
  /** Starts it after its power was cut. */
  started(): Promise<void>;
  /** What the agent on it answers. */
  asks(prompt: string): Promise<string>;
  /** Every question so far stands once in the agent's memory, whose chain verifies. Returns how many those are. */
  remembers(): Promise<number>;
  nodes(): Promise<number>;
}
interface TestLike {
  teardown(run: () => unknown): unknown;
}

export async function openStage(t: TestLike, image: string, work: string): Promise<Stage> {
  mkdirSync(work, { recursive: true });
  for (const file of ['serial.log', 'shell']) if (existsSync(join(work, file))) unlinkSync(join(work, file));
  const upstream = await openUpstream();
  t.teardown(() => upstream.close());
  // The heartbeat of a small fleet, as people have it: what an idle node writes depends on it.
  const fleet = await startFleet(t, {
    args: ['--lost-after', '15', '--heartbeat', '10', '--cache', 'on', '--cache-ollama', upstream.url],
  });
  const model: ModelServer = await startModelServer();
  t.teardown(() => model.close());
  const pi = piOf(resolve(image), work);
  t.teardown(async () => {
    await pi.cut();
    rmSync(join(work, 'card.img'), { force: true });
  });
  const asked: string[] = [];
  const beganMs = performance.now();
  const say = (words: string) =>
    process.stdout.write(`  ${((performance.now() - beganMs) / 1000).toFixed(0).padStart(4)} s  ${words}\n`);
  const online = (sinceMs: number) =>
    until(
      `${name} is online`,
      async () => {
        const found = (await fleet.client.call('nodes')).find((each) => each.id === name);
        return found?.presence === 'online' && found.presenceSinceMs > sinceMs;
      },
      startMs,
    );
  const started = async () => {
    const sinceMs = Date.now();
    pi.start();
    await online(sinceMs);
  };
  return {
    fleet,
    pi,
    upstream,
    say,
    started,
    async flashed(personal) {
      const body = { uses: 1, expiresSeconds: 7200, address: host };
      const { token } = await fleet.client.call('joinTokenCreate', { body });
      pi.flash(writePersonalFile({ join: token, ...personal }));
      await started();
      await pi.modelsAt(model.url.replace('127.0.0.1', host));
      await fleet.apply({ name: agent, memory: { recall: 3, remember: 'turns' } });
    },
    async asks(prompt) {
      const { id } = await submit(fleet, agent, prompt);
      asked.push(`task:${id}`);
      const { state, result, problem } = await ended(fleet, id, startMs);
      assert.equal(state, 'done', JSON.stringify(problem));
      return String(result);
    },
    remembers: () =>
      until(
        'all answers are in the memory that the coordinator has of it',
        async () => {
          const turns = (await memoryOf(fleet, agent)).filter(({ kind }) => kind === 'turn');
          assert.deepEqual(turns.map(({ payload }) => payload?.source).toSorted(), asked.toSorted());
          assert.equal(await chainFault(fleet, agent), null);
          return turns.length;
        },
        startMs,
      ),
    nodes: async () => (await fleet.client.call('nodes')).length,
  };
}
