// Verbs for this machine: up, down, simulate.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { counted, FleetError, mixedLabels } from '@blackroad/protocol';
import { readFleetFile } from '../find-fleet.ts';
import { down, nodeAgentEntry, up } from '../up/up.ts';
import { numberFlag, secondsFlag, textFlag, type Verb, wrongUse } from '../verb.ts';

const profiles = ['home', 'gpu-box', 'lab', 'plan'];

export const localVerbs: Verb[] = [
  {
    words: 'up',
    args: '',
    text: 'Starts a coordinator and a node-agent on this machine, with a model; Ctrl-C stops them.',
    flags: {
      port: { type: 'string', value: '<n>', text: 'First of three ports; 8400 by default.' },
      bare: { type: 'boolean', text: 'Starts no first agent: a fleet without agents stays without them.' },
    },
    run: up,
  },
  { words: 'down', args: '', text: 'Stops what `up` started.', run: down },
  {
    words: 'simulate',
    args: '',
    text: 'Adds simulated nodes that run the real node-agent, labelled as simulated; Ctrl-C removes them.',
    flags: {
      nodes: { type: 'string', value: '<count>', text: 'How many; 6 by default.' },
      profile: {
        type: 'string',
        value: '<name>',
        values: profiles,
        text: `Profile of the machines: ${profiles.join(', ')}; home (5 Pis and a GPU box) by default.`,
      },
      seed: { type: 'string', value: '<n>', text: 'Seed of the machines; 1 by default.' },
      mix: {
        type: 'boolean',
        text: 'Lets them run your agents too: their answers are simulated, and the agents remember them for good. Otherwise they run only agents with placement.simulated.',
      },
      errors: {
        type: 'string',
        value: '<share>',
        text: 'Share of their tasks that fail, such as 0.1; none unless given.',
      },
      'bad-releases': {
        type: 'string',
        value: '<list>',
        text: 'Releases that are bad on them, such as 1.2.0=leak,1.3.0=errors; also no-start, goes-away. All others are good.',
      },
      soak: {
        type: 'string',
        value: '<time>',
        text: 'How long a new release watches itself on them; 1m unless given.',
      },
      for: { type: 'string', value: '<seconds>', text: 'Stop after this long.' },
    },
    async run(call) {
      const nodes = numberFlag(call, 'nodes') ?? 6;
      const profile = textFlag(call, 'profile') ?? 'home';
      if (!Number.isInteger(nodes) || nodes < 1 || nodes > 20_000)
        throw wrongUse(`--nodes: expected a whole number from 1 to 20000, got ${nodes}.`);
      const client = call.client();
      const local = readFleetFile(join(call.data, 'coordinator')) ?? readFleetFile(call.data);
      const { token, id } = await client.call('joinTokenCreate', {
        body: {
          uses: Math.min(10_000, nodes),
          expiresSeconds: 86_400,
          site: 'simulated',
          ...(call.flags.mix ? { labels: mixedLabels } : {}),
          ...(local ? { address: '127.0.0.1' } : {}),
        },
      });
      const folder = mkdtempSync(join(tmpdir(), 'fleet-simulate-'));
      const takes = call.flags.mix
        ? 'They run your agents too (--mix): their answers are simulated, and the agents remember them.'
        : 'They run only agents with placement.simulated: true (see --mix).';
      call.note(
        `${counted(nodes, 'simulated node')} of profile ${profile} join ${client.url}. ${takes} Ctrl-C removes them.`,
      );
      const args = [
        nodeAgentEntry(call.root),
        'simulate',
        token,
        '--data',
        folder,
        '--simulate',
        String(nodes),
        '--profile',
        profile,
        '--seed',
        String(numberFlag(call, 'seed') ?? 1),
        '--errors',
        String(numberFlag(call, 'errors') ?? 0),
        '--bad-releases',
        textFlag(call, 'bad-releases') ?? '',
        ...soakArgs(secondsFlag(call, 'soak')),
        '--log',
        'warn',
      ];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
      const end = () => child.kill('SIGTERM');
      call.signal.addEventListener('abort', end);
      process.once('SIGTERM', end);
      const seconds = numberFlag(call, 'for');
      if (seconds !== undefined) call.clock.after(seconds * 1000, end);
      const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
      // Others may run simulated nodes of their own beside these.
      const own = simulatedIn(folder);
      rmSync(folder, { recursive: true, force: true });
      for (const { id: node } of await client.call('nodes'))
        if (own.has(node)) await client.call('nodeForget', { params: { node } });
      await client.call('joinTokenRevoke', { params: { id } });
      if (code !== 0 && code !== null)
        throw new FleetError('unavailable', { detail: `The simulated nodes ended with code ${code}.` });
      call.show({ nodes, profile }, () => 'The simulated nodes are removed.');
    },
  },
];

const soakArgs = (seconds: number | undefined) => (seconds === undefined ? [] : ['--soak', String(seconds)]);

/** The ids of the nodes that have joined, from their folders. */
function simulatedIn(folder: string): Set<string> {
  const ids = readdirSync(folder).flatMap((name) => {
    try {
      const { node } = JSON.parse(readFileSync(join(folder, name, 'identity.json'), 'utf8')) as { node?: string };
      return node ?? [];
    } catch {
      // It had not joined yet.
      return [];
    }
  });
  return new Set(ids);
}
