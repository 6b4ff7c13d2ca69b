// The story of Ollama: a card that asks for it gets a release through the coordinator's model cache, while the place on the internet is away at first.
// In: a stage, whose cache asks that place. Out: lines, or an assertion that fails.
import assert from 'node:assert/strict';
import { until } from '../fixtures/processes.ts';
import { release } from './ollama-upstream.ts';
import { startMs } from './pi.ts';
import { name, type Stage } from './stage.ts';

const noted = ({ fleet }: Stage, words: RegExp) =>
  until(
    `a note ${words}`,
    async () => {
      const node = (await fleet.client.call('nodes')).find((each) => each.id === name);
      return [...(node?.info?.notes ?? []), ...(node?.info?.runtimes ?? [])].find((note) => words.test(note));
    },
    startMs,
  );

export async function ollama(stage: Stage): Promise<void> {
  const { pi, say, upstream } = stage;
  await pi.cut();
  await stage.flashed({ name });
  // A release that this place has, in place of the real one.
  await pi.run(`echo '${JSON.stringify(release)}' >/usr/lib/blackroad-image/ollama.json`);
  await pi.run('rm -f /etc/blackroad/node.env; systemctl restart blackroad-node');
  const card = '/boot/firmware/blackroad.yaml';
  await pi.run(
    `printf 'name: ${name}\\nollama: yes\\n' >${card}; sync; systemctl --no-block restart blackroad-first-boot`,
  );
  say(`the node says ${JSON.stringify(await noted(stage, /^Ollama .* cannot be installed yet/))}`);
  upstream.isThere = true;
  await until('Ollama answers', async () => (await pi.run('systemctl is-active ollama')) === 'active', startMs);
  say(await pi.run('journalctl -u blackroad-ollama -o cat --no-pager | grep Ollama | tail -n 2 | tr "\\n" " "'));
  say(`the node has ${await noted(stage, /^ollama.*/)}`);
  assert.equal(await pi.run('ls /opt/ollama/lib/ollama'), 'libggml-base.so');
  const where = "ss -Htlnp 'sport = :11434' | awk '{print $4}'";
  assert.equal(await pi.run(where), '127.0.0.1:11434', 'nobody outside of the machine reaches it');
  say(
    `it runs as ${await pi.run('ps -o user= -p $(systemctl show -p MainPID --value ollama)')}, at ${await pi.run(where)}`,
  );
  assert.equal(upstream.asked.filter((line) => line.startsWith('GET')).length, 1, 'it was fetched once');
  await pi.cut();
  await stage.started();
  await until('Ollama is back', async () => (await pi.run('systemctl is-active ollama')) === 'active', startMs);
  say('after a power cut it is back, and nothing is fetched again');
  assert.equal(upstream.asked.filter((line) => line.startsWith('GET')).length, 1);
}
