// An agent of ours that uses MCP servers of others: a program and one over HTTP with a token, both of the official SDK, one that hangs and one
// that answers 30 MB. In: a fleet. Out: a line a claim, with its time.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serveOverHttp } from '../../fixtures/mcp/server.ts';
import { until } from '../../fixtures/processes.ts';
import { ask, ended, ready, submit } from '../../fixtures/steps.ts';
import type { Cast } from './check.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/mcp');
const program = (file: string, ...args: string[]) => ({
  command: process.execPath,
  args: ['--disable-warning=ExperimentalWarning', join(fixtures, file), ...args],
});
/** A call that a server leaves unanswered is given up after a minute; a turn takes its time around it. */
const hangMs = 75_000;
const answerMs = 10_000;

export async function otherServers({ fleet, model, prove, teardown }: Cast): Promise<void> {
  const home = await serveOverHttp('long-lived');
  teardown(() => home.close());
  const tokenFile = join(fleet.folder, 'token');
  writeFileSync(tokenFile, 'long-lived\n', { mode: 0o600 });
  const mcpServers = {
    sample: program('server.ts'),
    home: { url: home.url, tokenFile },
    hangs: program('bad-server.ts', 'hangs'),
    huge: program('bad-server.ts', 'huge'),
  };
  const file = join(fleet.folder, 'servers.json');
  writeFileSync(file, JSON.stringify({ mcpServers }), { mode: 0o600 });
  await fleet.runNode('box', { extra: ['--openai', model.url, '--mcp-servers', file] });
  for (const server of Object.keys(mcpServers)) {
    await fleet.apply({ name: `agent-of-${server}`, tools: [{ tool: 'mcp', server, tools: ['*'] }] });
    await ready(fleet, `agent-of-${server}`);
  }
  const offered = async (server: string, tool: string) => {
    await ask(fleet, `agent-of-${server}`, 'hello');
    return JSON.stringify(model.asked.at(-1)).includes(`"name":"${server}_${tool}"`);
  };
  await until('the server that hangs has said which tools it has', () => offered('hangs', 'act'), 60_000);
  const begunMs = performance.now();
  const hanging = await submit(fleet, 'agent-of-hangs', 'call hangs_act {}');

  for (const [server, words] of [
    ['sample', 'a program'],
    ['home', 'a server over HTTP, with its token'],
  ] as const) {
    await prove(`${words}: its tools are offered to the model`, answerMs, () => offered(server, 'echo'));
    await prove(`${words}: an agent uses a tool`, answerMs, async () => {
      const { result, usage } = await ask(fleet, `agent-of-${server}`, `call ${server}_echo {"text": "good evening"}`);
      return (/echo: good evening/.test(result ?? '') && usage?.toolCalls === 1) || `${result}`;
    });
  }

  await until('the server that answers 30 MB has said which tools it has', () => offered('huge', 'act'), 60_000);
  await prove('30 MB as an answer: cut off, and the agent is told why', answerMs, async () => {
    const { result } = await ask(fleet, 'agent-of-huge', 'call huge_act {}');
    return /huge: it sent a message of more than 1048576 bytes/.test(result ?? '') || `${result}`;
  });
  const notes = async () => (await fleet.client.call('node', { params: { node: 'box' } })).info?.notes.join('\n') ?? '';
  await prove('the page of the node says so', answerMs, async () => {
    const said = await notes();
    return /the MCP server huge is not used now: it sent a message of more than/.test(said) || said;
  });
  const { result } = await ended(fleet, hanging.id, 120_000);
  const tookMs = performance.now() - begunMs;
  await prove(
    `a server that hangs: cut off after ${(tookMs / 1000).toFixed(0)} s, and the agent is told why`,
    0,
    async () => {
      const said = /hangs: it does not answer tools\/call within 60 s/.test(result ?? '');
      return (said && tookMs < hangMs) || `after ${Math.round(tookMs)} ms: ${result}`;
    },
  );
  await prove('the node answers on with what is left', answerMs, async () => {
    const again = await ask(fleet, 'agent-of-sample', 'call sample_echo {"text": "still here"}');
    return /echo: still here/.test(again.result ?? '') || `${again.result}`;
  });
}
