// The command line as scripts see it: every verb prints one JSON value with --json and nothing else, every failure is a problem object
// on stderr with an exit code of the table (0 done, 1 failed, 2 wrong use, 3 no coordinator or not allowed, 4 no such thing, 5 deadline
// passed), a bad YAML points at the line, completion works in a real bash.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BatchView, interpretingChecker, type MemoryRun, Problem } from '@blackroad/protocol';
import t from 'tap';
import { usage } from '../../coordinator/cli/src/help.ts';
import { verbs } from '../../coordinator/cli/src/verbs.ts';
import { fromSource, programOf, type Ran, runBinFleet, runFleet, startFleet } from '../fixtures/processes.ts';
import { sampleImage } from '../fixtures/sample-image.ts';
import { sampleKey, sampleRelease } from '../fixtures/sample-release.ts';
import { ask, namesIn, presence, ready } from '../fixtures/steps.ts';

// A process for each verb.
t.setTimeout(470_000);
const root = new URL('../..', import.meta.url).pathname;
const greeter = join(root, 'docs/examples/greeter.yaml');

/** Compiled once for the many runs. */
const compileCache = mkdtempSync(join(tmpdir(), 'fleet-cli-'));
t.teardown(() => rmSync(compileCache, { recursive: true, force: true }));

/** Without the shell around it, which `bin/fleet` adds: the same program, for the many runs of the tables. */
function cli(...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    // A release has no simulator.
    const program = args[0] === 'simulate' ? fromSource.fleet : programOf('coordinator/cli/src/main.ts');
    const argv = ['--disable-warning=ExperimentalWarning', program, ...args];
    const env = { ...process.env, NODE_COMPILE_CACHE: compileCache };
    execFile(process.execPath, argv, { timeout: 90_000, env }, (error, stdout, stderr) => {
      resolve({ code: error ? ((error as { code?: number }).code ?? 99) : 0, stdout, stderr });
    });
  });
}
/** Two at a time: this many fit. */
async function inPairs<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await run(item);
  };
  await Promise.all([worker(), worker()]);
}
function problemIn({ stdout, stderr }: Ran): Problem | string {
  if (stdout !== '') return `on stdout: ${stdout.slice(0, 200)}`;
  if (stderr.trim().split('\n').length !== 1) return `not one line: ${stderr.slice(0, 300)}`;
  try {
    const value: unknown = JSON.parse(stderr);
    return interpretingChecker(Problem, value) ? (value as Problem) : `no problem: ${stderr.slice(0, 200)}`;
  } catch {
    return `no JSON: ${stderr.slice(0, 300)}`;
  }
}

t.test('help', async (t) => {
  const overview = await runBinFleet(['--help']);
  t.equal(overview.code, 0);
  for (const { words } of verbs) if (words !== 'complete') t.match(overview.stdout, `  ${words} `.trimEnd(), words);
  t.match(await cli('memory', 'search', '--help'), { code: 0, stderr: '', stdout: /^fleet memory search <text...>/ });
  t.match(await cli('help', 'nodes', 'show'), { code: 0, stderr: '', stdout: /^fleet nodes show <node>/ });
  for (const verb of verbs) {
    const said = usage(verb);
    const { words, args, text, flags } = verb;
    t.ok(said.startsWith(`fleet ${words} ${args}`.trimEnd()) && said.includes(text), words);
    for (const flag of ['json', ...Object.keys(flags ?? {})]) t.ok(said.includes(`--${flag}`), `${words} --${flag}`);
  }
});

t.test('verbs', async (t) => {
  const fleet = await startFleet(t);
  const data = ['--data', join(fleet.folder, 'coordinator')];
  await fleet.simulate('lab', { nodes: 2 });
  const [node, other] = namesIn(fleet, 'lab', 2) as [string, string];
  await presence(fleet, node, 'online');
  await presence(fleet, other, 'online');
  await fleet.apply({ name: 'greeter' });
  await fleet.apply({ name: 'nowhere', model: ['no-such-model'] });
  for (const name of ['to-remove', 'to-rename']) await fleet.apply({ name, model: ['no-such-model'] });
  await ready(fleet, 'greeter');
  const done = await ask(fleet, 'greeter', 'My name is Ada');
  const waiting = await fleet.client.call('ask', { params: { agent: 'nowhere' }, body: { prompt: 'wait' } });
  const gone = await fleet.token();
  const token = (await fleet.client.call('joinTokens')).find(({ usesLeft }) => usesLeft > 0)?.id as string;
  t.ok(gone && token);
  const viewer = await fleet.client.call('keyCreate', { body: { name: 'looker', role: 'viewer' } });
  const signing = sampleKey();
  writeFileSync(join(fleet.folder, 'coordinator/release-keys/signing.pub'), signing.pub);
  const releases = new Map<string, string>();
  for (const version of ['0.2.0', '0.3.0']) {
    const file = join(fleet.folder, `${version}.tar.gz`);
    const { content, signature } = await sampleRelease(signing, { version });
    writeFileSync(file, content);
    writeFileSync(`${file}.minisig`, signature);
    releases.set(version, file);
  }
  const release = (version: string) => releases.get(version) as string;
  const imageFolder = (version: string) => join(fleet.folder, `image-${version}`);
  for (const version of ['0.2.0', '0.3.0', '0.4.0']) {
    mkdirSync(imageFolder(version));
    sampleImage(imageFolder(version), signing, { version });
  }
  for (const version of ['0.2.0', '0.3.0'])
    t.match(
      (await cli('images', 'add', imageFolder(version), ...data)).stdout,
      /^blackroad-pi-image-0\.\d\.0 is here for cards, signed by [0-9A-F]{16}\.\n$/,
    );
  t.match((await cli('images', ...data)).stdout, /^IMAGE +SHA256 +SIZE .*\nblackroad-pi-image-0\.3\.0 +[0-9a-f]{12} /);
  const settings = join(fleet.folder, 'blackroad.yaml');
  writeFileSync(settings, 'name: kitchen\n');
  const kept = await cli('releases', 'add', release('0.2.0'), ...data);
  t.match(
    kept.stdout,
    /^blackroad-node-0\.2\.0-linux-arm64 is here for the nodes, signed by [0-9A-F]{16}: [0-9a-f]{64}\n$/,
  );
  t.match(
    (await cli('releases', ...data)).stdout,
    /^RELEASE +SHA256 +SIZE .*\nblackroad-node-0\.2\.0-linux-arm64 +[0-9a-f]{12} /,
  );

  await t.test('a deadline that passes is 5, a dead letter is queued again', async (t) => {
    const late = await cli('ask', 'nowhere', 'too late', '--deadline', '1s', '--json', ...data);
    t.equal(late.code, 5);
    t.match(JSON.parse(late.stderr), { code: 'deadline-passed', detail: /deadline/ });
    const [dead] = JSON.parse((await cli('tasks', '--dead', '--json', ...data)).stdout) as { id: string }[];
    t.ok(dead);
    const again = await cli('tasks', 'retry', dead?.id as string, '--json', ...data);
    t.equal(again.code, 0, again.stderr);
    t.match(JSON.parse(again.stdout), { agent: 'nowhere', prompt: 'too late' });
    t.equal((await cli('tasks', 'retry', done.id, '--json', ...data)).code, 1, 'a task that is done is no dead letter');
    const still = JSON.parse((await cli('tasks', '--dead', '--json', ...data)).stdout) as { id: string }[];
    t.notOk(
      still.some(({ id }) => id === dead?.id),
      'what was sent round again waits for nobody',
    );
  });
  await t.test('asked an agent that is nowhere, it says so at once and waits', async (t) => {
    const { code, stdout, stderr } = await cli('ask', 'nowhere', 'anybody?', '--deadline', '3s', ...data);
    t.equal(code, 5);
    t.equal(stdout, '');
    t.match(stderr, /^nowhere is on no node: .+; to fix it: .+\n(.*\n)*fleet: .*deadline passed in the queue/);
  });

  await t.test('a task says who asked', async (t) => {
    const shown = await cli('tasks', 'show', done.id, ...data);
    t.match(shown.stdout, /^asked +.* ago from api, priority 50\nby +key admin$/m);
    const list = await cli('tasks', '-n', '1000', ...data, '--json');
    t.match(
      (JSON.parse(list.stdout) as { id: string }[]).find(({ id }) => id === done.id),
      { by: { kind: 'key', name: 'admin', id: /^[0-9a-f]{10}$/ } },
    );
  });

  const conversation = () => fleet.client.call('conversationOpen', { body: { agent: 'greeter' } });
  const [shown, deleted] = [await conversation(), await conversation()];
  const what = { kind: 'configuration', labels: { set: { ring: 'a' } } } as const;
  const rollout = await fleet.client.call('rolloutStart', { body: { what, select: { names: [node] } } });

  const requests = (name: string, model: string, count = 1) => {
    const path = join(fleet.folder, `${name}.jsonl`);
    const body = { model, messages: [{ role: 'user', content: 'Hello' }] };
    const line = (_: unknown, at: number) =>
      JSON.stringify({ custom_id: `a${at}`, method: 'POST', url: '/v1/chat/completions', body });
    writeFileSync(path, Array.from({ length: count }, line).join('\n'));
    return path;
  };
  // Each is tried for a minute and 64 at once, so that all of them outlast this test.
  const nobodys = requests('nobodys', 'no-such-model', 1_000);
  const submitted = async (path: string, ...more: string[]) => {
    const { code, stdout, stderr } = await cli('batches', 'submit', path, '--json', ...more, ...data);
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as BatchView;
  };
  const answered = await submitted(requests('greeters', 'agent/greeter'), '--wait');
  t.match(answered, { state: 'completed', completed: 1, failed: 0, key: 'admin', file: 'greeters.jsonl' });
  const [waits, ends] = [await submitted(nobodys), await submitted(nobodys)];

  const given = await fleet.client.call('memoryAdd', { params: { agent: 'nowhere' }, body: { text: 'Tea at nine' } });
  // They are written before the memories below, for which the consolidation waits.
  for (const key of ['gate code', 'side door'])
    await fleet.client.call('memorySet', { params: { agent: 'greeter', key }, body: { text: '4321' } });
  const consolidate = { params: { agent: 'greeter' }, body: {} };
  for (const text of ['Tea at four', 'tea, at four'])
    await fleet.client.call('memoryAdd', { params: consolidate.params, body: { text } });
  let consolidated: MemoryRun | null = null;
  for (const end = performance.now() + 60_000; consolidated === null && performance.now() < end; )
    consolidated = (await fleet.client.call('memoryConsolidate', consolidate)).run;
  t.match(consolidated, { agent: 'greeter' });
  for (const name of ['saved.md', 'removed.md']) {
    const path = join(fleet.folder, name);
    writeFileSync(path, `# ${name}\n\nThe key is under the mat.\n`);
    const added = await cli('memory', 'add', 'greeter', path, ...data);
    t.match(added, { code: 0, stdout: new RegExp(`^${name}: 1 part; `) }, added.stderr);
  }

  const journal = join(fleet.folder, 'journal.jsonl');
  const entry = { actorId: 'lucidia', actionType: 'remember', timestamp: 1, payload: 'Tea', previousHash: 'genesis' };
  writeFileSync(journal, `${JSON.stringify({ ...entry, hash: 'ab'.repeat(32) })}\n`);
  t.match(await cli('memory', 'verify', '--file', journal), {
    code: 1,
    stdout: /^NOT valid:\n {2}its hashes follow no rule that is known here/,
  });

  for (const name of ['bell', 'old', 'pausing', 'resuming'])
    await fleet.client.call('webhookCreate', { body: { direction: 'in', name } });
  // An address for documents, where nobody answers.
  for (const name of ['pager', 'mover'])
    await fleet.client.call('webhookCreate', {
      body: { direction: 'out', name, url: 'http://192.0.2.1/', events: ['node-lost'] },
    });

  /** By verb: how it succeeds, and with what. Two run at a time, so none needs what another one does. */
  const works: Record<string, { args?: string[]; gives: 'array' | 'object' | 'string' | 'null'; code?: number }> = {
    status: { gives: 'object' },
    down: { args: ['--data', join(fleet.folder, 'nothing')], gives: 'object' },
    simulate: { args: ['--nodes', '1', '--for', '3', '--seed', '900'], gives: 'object' },
    nodes: { gives: 'array' },
    'nodes show': { args: [node], gives: 'object' },
    cordon: { args: [other], gives: 'object' },
    uncordon: { args: [other], gives: 'object' },
    drain: { args: [other], gives: 'object' },
    'nodes pull': { args: [node, 'some-model'], gives: 'object' },
    models: { gives: 'object' },
    'models show': { args: ['qwen2.5-7b-instruct'], gives: 'object' },
    'models pull': { args: ['pulled:1b', '--nodes', node], gives: 'object' },
    'models pin': { args: ['pinned:1b', '--nodes', node], gives: 'object' },
    'models unpin': { args: ['never-pinned:1b'], gives: 'object' },
    'models reload': { gives: 'object' },
    cache: { gives: 'object' },
    integrations: { gives: 'object' },
    webhooks: { gives: 'array' },
    'webhooks create': { args: ['doorbell'], gives: 'object' },
    'webhooks show': { args: ['bell'], gives: 'object' },
    'webhooks set': { args: ['mover', '--url', 'http://192.0.2.2/', '--events', 'node-online'], gives: 'object' },
    'webhooks pause': { args: ['pausing'], gives: 'object' },
    'webhooks resume': { args: ['resuming'], gives: 'object' },
    'webhooks test': { args: ['pager'], gives: 'object' },
    'webhooks replay': { args: ['pager'], gives: 'object' },
    'webhooks rotate': { args: ['bell'], gives: 'object' },
    'webhooks delete': { args: ['old'], gives: 'object' },
    releases: { gives: 'object' },
    'releases add': { args: [release('0.3.0')], gives: 'array' },
    'releases remove': { args: ['blackroad-node-0.2.0-linux-arm64'], gives: 'object' },
    'releases keys': { gives: 'object' },
    images: { gives: 'object' },
    'images add': { args: [imageFolder('0.4.0')], gives: 'object' },
    'images remove': { args: ['blackroad-pi-image-0.2.0'], gives: 'object' },
    'images download': {
      args: ['blackroad-pi-image-0.3.0', '--settings', settings, '--to', join(fleet.folder, 'card.img.xz')],
      gives: 'object',
    },
    'images imager': { args: ['blackroad-pi-image-0.3.0', '--to', join(fleet.folder, 'for-imager')], gives: 'object' },
    upgrade: { args: ['--check'], gives: 'object' },
    rollouts: { gives: 'array' },
    'rollouts list': { gives: 'array' },
    'rollouts plan': { args: ['labels', 'ring=b', 'old-', '--only', other, '--waves', '1,100%'], gives: 'object' },
    'rollouts show': { args: [rollout.id], gives: 'object' },
    'nodes release': { args: [node], gives: 'object' },
    logs: { args: [node, '-n', '5'], gives: 'array' },
    agents: { gives: 'array' },
    'agents show': { args: ['greeter'], gives: 'object' },
    'agents explain': { args: ['greeter'], gives: 'object' },
    'agents apply': { args: ['-f', greeter], gives: 'array' },
    'agents versions': { args: ['greeter'], gives: 'array' },
    'agents rename': { args: ['to-rename', 'renamed'], gives: 'object' },
    'agents remove': { args: ['to-remove'], gives: 'object' },
    plan: { args: ['--add', `3x${greeter}`, '--lose', `node=${node}`], gives: 'object' },
    'route explain': { args: ['auto'], gives: 'object' },
    batches: { gives: 'array' },
    'batches submit': { args: [nobodys], gives: 'object' },
    'batches show': { args: [waits.id], gives: 'object' },
    'batches result': { args: [answered.id], gives: 'array' },
    'batches cancel': { args: [ends.id], gives: 'object' },
    ask: { args: ['greeter', 'What', 'is', 'my', 'name?'], gives: 'object' },
    conversations: { gives: 'array' },
    'conversations show': { args: [shown.id], gives: 'object' },
    'conversations delete': { args: [deleted.id], gives: 'object' },
    'release-moves': { gives: 'object' },
    tasks: { args: ['-n', '3'], gives: 'array' },
    'tasks show': { args: [done.id], gives: 'object' },
    'tasks cancel': { args: [waiting.id], gives: 'object' },
    'tasks dismiss': { args: ['--all', '--agent', 'nowhere'], gives: 'object' },
    'memory search': { args: ['Ada', '--agent', 'greeter', '--kind', 'turn', '--since', '7d'], gives: 'array' },
    'memory vectors': { gives: 'object' },
    'memory add': { args: ['greeter', 'Tea', 'at', 'eight', '--kind', 'fact', '--tag', 'house'], gives: 'object' },
    'memory waiting': { args: ['greeter'], gives: 'array' },
    'memory take-back': { args: ['nowhere', given.id], gives: 'object' },
    'memory set': { args: ['greeter', 'door code', '1234'], gives: 'object' },
    'memory get': { args: ['greeter', 'gate code'], gives: 'object' },
    'memory values': { args: ['greeter'], gives: 'array' },
    'memory unset': { args: ['greeter', 'side door'], gives: 'object' },
    'memory documents': { args: ['greeter'], gives: 'array' },
    'memory save-document': { args: ['greeter', 'saved.md', '--to', join(fleet.folder, 'saved')], gives: 'object' },
    'memory remove-document': { args: ['greeter', 'removed.md'], gives: 'object' },
    'memory export': { args: ['greeter', '--to', join(fleet.folder, 'greeter.jsonl')], gives: 'object' },
    'memory import': { args: ['nowhere', journal], gives: 'object' },
    'memory log': { args: ['greeter'], gives: 'array' },
    'memory verify': { args: ['greeter'], gives: 'object' },
    'memory erase': { args: ['greeter', '1'], gives: 'object' },
    'memory erasures': { gives: 'array' },
    'memory consolidate': { args: ['greeter', '--dry-run'], gives: 'object' },
    'memory consolidate undo': { args: [consolidated?.id ?? ''], gives: 'object' },
    'memory runs': { gives: 'array' },
    'memory checkpoint': { gives: 'object' },
    'memory checkpoints': { gives: 'array' },
    'memory proof': { args: ['greeter', '1'], gives: 'object' },
    events: { args: ['-n', '5', '--type', 'node-online'], gives: 'array' },
    'join-token create': { args: ['--uses', '2', '--expires', '10m', '--class', 'pi'], gives: 'object' },
    'join-token': { gives: 'array' },
    'join-token revoke': { args: [token], gives: 'object' },
    keys: { gives: 'array' },
    'keys create': { args: ['robot', '--role', 'operator', '--usd', '10', '--tokens', '1000'], gives: 'object' },
    'keys limits': { gives: 'object' },
    'keys budget': { args: [viewer.id, '--usd', '2.5', '--per', 'day'], gives: 'object' },
    usage: { args: ['--by', 'key', '--days', '7'], gives: 'object' },
    console: { gives: 'object' },
    audit: { args: ['-n', '5'], gives: 'array' },
    completion: { args: ['zsh'], gives: 'string' },
    'backup list': { gives: 'object' },
    objects: { gives: 'object' },
    version: { gives: 'object' },
    complete: { args: ['--', 'nodes', 'sh'], gives: 'array' },
    // What is left undone for others comes last.
    'keys revoke': { args: [viewer.id], gives: 'object' },
    'nodes forget': { args: [other], gives: 'object' },
  };
  const elsewhere = [
    'up',
    'tasks retry',
    'nodes identify',
    'nodes restart',
    'nodes unload',
    'models stop',
    'models rm',
    'models update',
    'balena',
    'balena import',
    'cache remove',
    'cache prune',
    // bridge.test.ts, where the door is open
    'integrations bridge',
    'backup',
    'backup get',
    'backup delete',
    'backup verify',
    'restore',
    'restore agent',
    'restore node',
    // mcp.test.ts, with a client at its other end
    'mcp',
    // upgrade.test.ts, where the coordinator is a release
    'upgrade back',
    // rollouts.test.ts, one after the other
    'rollouts start',
    'rollouts watch',
    'rollouts pause',
    'rollouts resume',
    'rollouts approve',
    'rollouts abort',
    'rollouts back',
  ];

  /** How each verb fails: what a person gets wrong with it. */
  const fails: Record<string, { args: string[]; code: number; problem?: string }> = {
    up: { args: ['--port', 'none'], code: 2 },
    down: { args: ['now'], code: 2 },
    simulate: { args: ['--profile', 'moon'], code: 2 },
    'nodes show': { args: ['nobody'], code: 4, problem: 'no-such-node' },
    cordon: { args: ['nobody'], code: 4 },
    uncordon: { args: ['Not A Name'], code: 2 },
    drain: { args: [], code: 2 },
    'nodes pull': { args: ['nobody', 'm'], code: 4 },
    cache: { args: ['--coordinator', 'http://127.0.0.1:9', '--key', 'x'], code: 3, problem: 'no-coordinator' },
    releases: { args: ['--coordinator', 'http://127.0.0.1:9', '--key', 'x'], code: 3, problem: 'no-coordinator' },
    'releases add': { args: [greeter], code: 2, problem: 'invalid-request' },
    'releases remove': { args: ['nothing'], code: 4, problem: 'no-such-release' },
    'releases keys': { args: ['all'], code: 2 },
    images: { args: ['--coordinator', 'http://127.0.0.1:9', '--key', 'x'], code: 3, problem: 'no-coordinator' },
    'images add': { args: [fleet.folder], code: 2, problem: 'invalid-request' },
    'images remove': { args: ['nothing'], code: 4, problem: 'no-such-image' },
    'images download': { args: ['--settings', 'no-such-file'], code: 2, problem: 'invalid-request' },
    'images imager': { args: ['nothing', '--to', fleet.folder], code: 4, problem: 'no-such-image' },
    balena: { args: [], code: 1, problem: 'conflict' },
    'balena import': { args: ['acme'], code: 2, problem: 'invalid-request' },
    upgrade: { args: [], code: 1, problem: 'conflict' },
    'upgrade back': { args: [], code: 1, problem: 'conflict' },
    'cache remove': { args: ['m'], code: 1, problem: 'conflict' },
    backup: { args: ['--age', 'nonsense'], code: 2 },
    'backup list': { args: ['--coordinator', 'http://127.0.0.1:9', '--key', 'x'], code: 3, problem: 'no-coordinator' },
    'backup get': { args: ['fleet-x-20260101T000000Z.tar.zst'], code: 4, problem: 'no-such-backup' },
    'backup delete': { args: ['fleet-x-20260101T000000Z.tar.zst'], code: 4, problem: 'no-such-backup' },
    'backup verify': { args: ['nothing-here'], code: 2, problem: 'invalid-request' },
    restore: { args: [], code: 2 },
    objects: { args: ['--key', viewer.key], code: 3, problem: 'not-allowed' },
    'restore agent': { args: ['nobody'], code: 4, problem: 'no-such-agent' },
    'restore node': { args: ['nobody'], code: 4, problem: 'no-such-node' },
    'cache prune': { args: [], code: 1, problem: 'conflict' },
    integrations: { args: ['--coordinator', 'http://127.0.0.1:9', '--key', 'x'], code: 3, problem: 'no-coordinator' },
    'integrations bridge': { args: [], code: 1, problem: 'conflict' },
    webhooks: { args: ['--coordinator', 'http://127.0.0.1:9', '--key', 'x'], code: 3, problem: 'no-coordinator' },
    'webhooks create': { args: ['http://127.0.0.1/', '--events', 'node-lost'], code: 2, problem: 'invalid-request' },
    'webhooks show': { args: ['none'], code: 4, problem: 'no-such-webhook' },
    'webhooks set': { args: ['bell', '--url', 'http://192.0.2.2/'], code: 1, problem: 'conflict' },
    'webhooks pause': { args: ['none'], code: 4, problem: 'no-such-webhook' },
    'webhooks resume': { args: ['--key', viewer.key, 'bell'], code: 3, problem: 'not-allowed' },
    'webhooks test': { args: ['bell'], code: 1, problem: 'conflict' },
    'webhooks replay': { args: ['none'], code: 4, problem: 'no-such-webhook' },
    'webhooks rotate': { args: ['none'], code: 4, problem: 'no-such-webhook' },
    'webhooks delete': { args: ['--key', viewer.key, 'bell'], code: 3, problem: 'not-allowed' },
    conversations: {
      args: ['--coordinator', fleet.client.url, '--key', 'brk_none_none'],
      code: 3,
      problem: 'not-signed-in',
    },
    'conversations show': { args: ['01hv8n3m5e0000000000000000'], code: 4, problem: 'no-such-conversation' },
    'conversations delete': { args: ['nothing'], code: 4, problem: 'no-such-conversation' },
    rollouts: { args: ['--coordinator', 'http://127.0.0.1:9', '--key', 'x'], code: 3, problem: 'no-coordinator' },
    'rollouts list': {
      args: ['--coordinator', 'http://127.0.0.1:9', '--key', 'x'],
      code: 3,
      problem: 'no-coordinator',
    },
    'rollouts plan': { args: ['node-agent', '9.9.9', '--waves', '1,50 of 9'], code: 2, problem: 'invalid-request' },
    'rollouts start': { args: ['node-agent', '9.9.9'], code: 1, problem: 'conflict' },
    'rollouts show': { args: ['nothing'], code: 4, problem: 'no-such-rollout' },
    'rollouts watch': { args: ['nothing'], code: 4, problem: 'no-such-rollout' },
    'rollouts pause': { args: [], code: 2 },
    'rollouts resume': { args: [rollout.id], code: 1, problem: 'conflict' },
    'rollouts approve': { args: [rollout.id], code: 1, problem: 'conflict' },
    'rollouts abort': { args: ['nothing'], code: 4, problem: 'no-such-rollout' },
    'rollouts back': { args: ['--key', viewer.key, rollout.id], code: 3, problem: 'not-allowed' },
    models: { args: ['--coordinator', 'http://127.0.0.1:9', '--key', 'x'], code: 3, problem: 'no-coordinator' },
    'models show': { args: ['no-such-model'], code: 2, problem: 'invalid-request' },
    'models pull': { args: ['m', '--nodes', 'nobody'], code: 4, problem: 'no-such-node' },
    'models update': { args: ['nobody-has:1b'], code: 1, problem: 'conflict' },
    'models stop': { args: ['nobody-fetches:1b'], code: 1, problem: 'conflict' },
    'models rm': { args: ['nobody-has:1b'], code: 1, problem: 'conflict' },
    'models pin': { args: ['m', '--nodes', 'nobody'], code: 4, problem: 'no-such-node' },
    'models unpin': { args: ['m', '--nodes', ' , '], code: 2 },
    'models reload': { args: ['--key', viewer.key], code: 3, problem: 'not-allowed' },
    'nodes unload': { args: [node, 'no-such-model'], code: 2, problem: 'invalid-request' },
    'nodes identify': { args: [node], code: 1, problem: 'unavailable' },
    'nodes restart': { args: [node], code: 1, problem: 'conflict' },
    'nodes forget': { args: ['nobody'], code: 4 },
    'nodes release': { args: ['nobody'], code: 4 },
    logs: { args: ['nobody'], code: 4 },
    'agents show': { args: ['nobody'], code: 4, problem: 'no-such-agent' },
    'agents explain': { args: ['nobody'], code: 4, problem: 'no-such-agent' },
    plan: { args: ['--lose', 'site=nowhere'], code: 2, problem: 'invalid-request' },
    'route explain': { args: ['auto', '--prompt', 'x'], code: 2, problem: 'invalid-request' },
    batches: { args: ['--coordinator', fleet.client.url, '--key', viewer.key], code: 3, problem: 'not-allowed' },
    'batches submit': { args: [greeter], code: 2, problem: 'invalid-request' },
    'batches show': { args: ['batch_none'], code: 4, problem: 'no-such-batch' },
    'batches result': { args: [waits.id], code: 1, problem: 'conflict' },
    'batches cancel': { args: ['batch_none'], code: 4, problem: 'no-such-batch' },
    'agents apply': { args: ['-f', join(fleet.folder, 'not-there.yaml')], code: 2 },
    'agents versions': { args: ['nobody'], code: 4 },
    'agents rename': { args: ['greeter', 'No Name'], code: 2, problem: 'invalid-request' },
    'agents remove': { args: ['nobody'], code: 4 },
    ask: { args: ['nobody', 'hello'], code: 4 },
    tasks: { args: ['--state', 'bored'], code: 2 },
    'tasks show': { args: ['t-none'], code: 4, problem: 'no-such-task' },
    'tasks cancel': { args: [done.id], code: 1, problem: 'conflict' },
    'tasks retry': { args: [done.id], code: 1 },
    'tasks dismiss': { args: [done.id], code: 1, problem: 'conflict' },
    'memory search': { args: ['Ada', '--since', 'yesterday'], code: 2 },
    'memory vectors': { args: ['more'], code: 2 },
    'memory checkpoint': { args: ['more'], code: 2 },
    'memory checkpoints': { args: ['-n', 'many'], code: 2 },
    'memory erasures': { args: ['more'], code: 2 },
    'memory consolidate': { args: ['nobody'], code: 4 },
    'memory consolidate undo': { args: ['none'], code: 4, problem: 'no-such-run' },
    'memory runs': { args: ['none'], code: 4, problem: 'no-such-run' },
    'memory add': { args: ['greeter', 'no-such-file.pdf'], code: 2 },
    'memory waiting': { args: ['nobody'], code: 4 },
    'memory take-back': { args: ['greeter', 'none'], code: 4, problem: 'no-such-memory' },
    'memory set': { args: ['greeter', 'two\nlines', '1'], code: 2 },
    'memory get': { args: ['greeter', 'none'], code: 4, problem: 'no-such-memory' },
    'memory values': { args: ['nobody'], code: 4 },
    'memory unset': { args: ['greeter', 'none'], code: 4, problem: 'no-such-memory' },
    'memory documents': { args: ['nobody'], code: 4 },
    'memory save-document': { args: ['greeter', 'none.pdf'], code: 4, problem: 'no-such-document' },
    'memory remove-document': { args: ['greeter', 'none.pdf'], code: 4, problem: 'no-such-document' },
    'memory export': { args: ['nobody', '--to', join(fleet.folder, 'none.jsonl')], code: 4 },
    'memory import': { args: ['greeter', 'no-such-file.jsonl'], code: 2 },
    'memory log': { args: ['nobody'], code: 4 },
    'memory verify': { args: ['nobody'], code: 4 },
    'memory erase': { args: ['greeter'], code: 2 },
    'memory proof': { args: ['greeter', '999999'], code: 1, problem: 'conflict' },
    events: { args: ['--type', 'node-flew'], code: 2 },
    'join-token create': { args: ['--uses', '-1'], code: 2 },
    'join-token revoke': { args: ['none'], code: 4 },
    'keys create': { args: ['x', '--role', 'king'], code: 2 },
    'keys limits': {
      args: ['--coordinator', fleet.client.url, '--key', 'brk_none_none'],
      code: 3,
      problem: 'not-signed-in',
    },
    'keys budget': { args: [viewer.id, '--per', 'day'], code: 2, problem: 'invalid-request' },
    usage: { args: ['--days', '0'], code: 2, problem: 'invalid-request' },
    'keys revoke': { args: ['none'], code: 4 },
    mcp: { args: ['now'], code: 2 },
    completion: { args: ['tcsh'], code: 2 },
    version: { args: ['now'], code: 2 },
    // Those that take nothing: no coordinator, a key that is none, a key that may not.
    status: { args: ['--coordinator', 'http://127.0.0.1:9', '--key', 'x'], code: 3, problem: 'no-coordinator' },
    nodes: { args: ['--coordinator', fleet.client.url, '--key', 'brk_none_none'], code: 3, problem: 'not-signed-in' },
    agents: { args: ['--coordinator', fleet.client.url], code: 3, problem: 'not-signed-in' },
    keys: { args: ['--coordinator', fleet.client.url, '--key', viewer.key], code: 3, problem: 'not-allowed' },
    audit: { args: ['--coordinator', fleet.client.url, '--key', viewer.key], code: 3, problem: 'not-allowed' },
    'release-moves': { args: ['--key', viewer.key], code: 3, problem: 'not-allowed' },
    console: { args: ['--coordinator', 'ftp://nowhere', '--key', 'x'], code: 2 },
    'join-token': { args: ['--tokens', 'all'], code: 2 },
    complete: { args: ['--', 'nodes', 'show', ''], code: 3 },
  };
  t.same(
    verbs.filter(({ words }) => !(words in fails)).map(({ words }) => words),
    [],
    'every verb has a way to fail in this table',
  );
  t.same(
    verbs.filter(({ words }) => !(words in works) && !elsewhere.includes(words)).map(({ words }) => words),
    [],
    'and a way to work',
  );

  await t.test('failures are problem objects on stderr', (t) =>
    inPairs(Object.entries(fails), async ([words, { args, code, problem }]) => {
      const where = words === 'complete' ? ['--data', join(fleet.folder, 'nothing')] : data;
      const ran = await cli(...words.split(' '), '--json', ...where, ...args);
      const said = problemIn(ran);
      t.equal(ran.code, code, `fleet ${words} ${args.join(' ')}: ${ran.stderr.slice(0, 300)}`);
      t.type(said, 'object', `fleet ${words}: ${typeof said === 'string' ? said : said.code}`);
      if (problem) t.match(said, { code: problem });
      if (typeof said === 'object') t.ok((said.detail ?? '').length > 5, 'in words');
    }).then(() => t.end()),
  );

  await t.test('values are one JSON value on stdout', async (t) => {
    const names = Object.keys(works);
    const alone = ['simulate', 'uncordon', 'drain', 'nodes forget', 'keys revoke', 'cordon'];
    const run = async (words: string) => {
      const { args = [], gives } = works[words] as (typeof works)[string];
      const own = args.includes('--data') ? [] : data;
      const ran = await cli(...words.split(' '), '--json', ...own, ...args);
      t.equal(ran.code, 0, `fleet ${words}: ${ran.stderr.slice(0, 300)}`);
      let value: unknown;
      try {
        value = JSON.parse(ran.stdout);
      } catch {
        t.fail(`fleet ${words} printed ${ran.stdout.slice(0, 200)}`);
        return;
      }
      t.equal(ran.stdout.trim().split('\n').length, 1, 'on one line');
      t.equal(Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value, gives, `fleet ${words}`);
    };
    await inPairs(
      names.filter((name) => !alone.includes(name)),
      run,
    );
    for (const name of names.filter((name) => alone.includes(name))) await run(name);
  });

  await t.test('words for people', async (t) => {
    const first = await cli('--data', data[1] as string, 'agents', 'show', 'greeter');
    t.match(first, { code: 0, stdout: /^greeter/ }, 'flags of every verb may come first');
    const hint = /fleet: (.*agents explain greeter)/.exec(first.stdout)?.[1] ?? '';
    const hinted = await new Promise<string>((resolve) =>
      execFile('sh', ['-c', hint], { cwd: root, env: { PATH: process.env.PATH } }, (error, stdout) =>
        resolve(error ? error.message : stdout),
      ),
    );
    t.match(hinted, /^greeter is on /, `a hint runs as it is printed: ${hint}`);
    t.match(await cli('--version'), { code: 0, stdout: /^BlackRoad Fleet \d/ });
    t.match(await cli('agents', 'aply', '-f', 'x.yaml', ...data), { code: 2, stderr: /Did you mean agents apply/ });
    t.match(await cli('nodes', '--data', '/nowhere/at/all'), {
      code: 3,
      stderr: /There is no folder \/nowhere\/at\/all/,
    });
    for (const line of (await cli('--help')).stdout.split('\n')) t.ok(line.length <= 100, line);
    const shown = await runFleet(['agents', ...data]);
    t.equal(shown.code, 0);
    t.match(shown.stdout, /greeter +ready/);
    t.match(shown.stdout, /nowhere +unplaced.*to fix it/s);
    const asked = await runFleet(['ask', 'greeter', 'Hello', ...data]);
    t.match(asked, { code: 0, stdout: 'Simulated answer to: Hello\n', stderr: '' });
    const wrong = await runFleet(['nods', ...data]);
    t.match(wrong, { code: 2, stdout: '', stderr: /nods: no such verb. Did you mean nodes/ });
    t.match(await runFleet(['down', '--data', join(fleet.folder, 'nothing')]), { code: 0, stdout: /No fleet runs/ });
  });

  await t.test('why and what if, in words; asking touches nothing', async (t) => {
    const before = await ready(fleet, 'greeter');
    const agents = (await fleet.client.call('agents')).length;
    const why = await runFleet(['agents', 'explain', 'greeter', ...data]);
    t.equal(why.code, 0, why.stderr);
    t.match(why.stdout, new RegExp(`^greeter is on ${before.node} with `));
    t.match(why.stdout, / {2}preference +█/);
    t.match(why.stdout, /Who would take it, and who not\n(.*\n)* {2}\S+ +\d of \d nodes? would take it/);
    const nowhere = await runFleet(['agents', 'explain', 'nowhere', ...data]);
    t.match(nowhere, { code: 0, stdout: /on no node: .*no-such-model(.*\n)+to fix it: / });
    t.match(nowhere.stdout, /\d+ by model: /, 'and the filter that refuses it');

    const lost = await runFleet(['plan', '--add', `2x${greeter}`, '--lose', `node=${before.node}`, ...data]);
    t.equal(lost.code, 0, lost.stderr);
    t.match(lost.stdout, /None of the 2 added agents finds a place; 1 node is gone; 1 agent loses its place\./);
    t.match(lost.stdout, /No place for\n(.*\n)* +to fix it: bring/);
    t.match(lost.stdout, new RegExp(` {2}${before.node} .*→ gone`));
    t.match(lost.stdout, /Nothing was touched/);
    const more = await runFleet(['plan', '--add', `2x${greeter}`, ...data]);
    t.match(more, { code: 0, stdout: /^All 2 added agents find a place; nobody moves\.\nNothing was touched\./ });
    const after = await fleet.client.call('agent', { params: { agent: 'greeter' } });
    t.match(after, { node: before.node, epoch: before.epoch }, 'it is where it was');
    t.equal((await fleet.client.call('agents')).length, agents, 'and nobody came');

    const wrong = await cli('plan', '--lose', 'site=nowhere', '--drain', 'garage', '--json', ...data);
    t.match(problemIn(wrong), { code: 'invalid-request', detail: /^--drain: expected node=<id>/ });
    const none = await cli('plan', '--lose', `node=${node}`, '--lose', 'site=nowhere', '--json', ...data);
    t.match(problemIn(none), { detail: /lose\.1: expected a node of the fleet, got none with site nowhere/ });
    t.match(await cli('plan', ...data), { code: 2, stderr: /--add, --lose or --drain is missing/ });
    t.match(await cli('plan', '--add', '0xa.yaml', ...data), {
      code: 2,
      stderr: /--add: expected a count of at least 1/,
    });
    t.match(await cli('plan', '--add', 'not-there.yaml', ...data), {
      code: 2,
      stderr: /--add: cannot read not-there.yaml/,
    });
    t.match(await cli('plan', '--add', `200000x${greeter}`, ...data), { code: 2, stderr: /add/ });
  });

  await t.test('a bad agent file points at its lines', async (t) => {
    const file = join(fleet.folder, 'bad.yaml');
    writeFileSync(file, 'name: Greeter!\nmodel: auto\ninstructions: hi\nconcurrency: many\nlimits:\n  maxTokens: 0\n');
    const plain = await cli('agents', 'apply', '-f', file, ...data);
    t.equal(plain.code, 2);
    for (const line of [/bad.yaml:1: name: expected .*Greeter!/, /bad.yaml:4: concurrency: expected .*many/])
      t.match(plain.stderr, line);
    t.match(plain.stderr, /bad.yaml:6: limits.maxTokens: expected .*, got 0/);
    const json = problemIn(await cli('agents', 'apply', '-f', file, '--json', ...data));
    t.match(json, {
      code: 'invalid-request',
      faults: [{ field: 'name' }, { field: 'concurrency' }, { field: 'limits.maxTokens' }],
    });
    writeFileSync(file, 'name: greeter\nlimits:\n\tmaxTokens: 3\n');
    t.match(await cli('agents', 'apply', '-f', file, ...data), { code: 2, stderr: /bad.yaml:3: / });
  });

  await t.test('completion in a real bash', async (t) => {
    const bin = join(fleet.folder, 'bin');
    mkdirSync(bin);
    symlinkSync(join(root, 'bin/fleet'), join(bin, 'fleet'));
    const complete = (...words: string[]) =>
      new Promise<string[]>((resolve, reject) => {
        const script = [
          `source <(${join(root, 'bin/fleet')} completion bash)`,
          `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
          `COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))`,
          // Bash hands the function the command as it was typed.
          `$(complete -p fleet | sed 's/.*-F \\([^ ]*\\).*/\\1/') "\${COMP_WORDS[0]}"`,
          `printf "%s\\n" "\${COMPREPLY[@]}"`,
        ].join('\n');
        const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, BLACKROAD_DATA: data[1] as string };
        execFile('bash', ['--norc', '-c', script], { env, timeout: 60_000 }, (error, stdout, stderr) => {
          if (error) reject(new Error(`${error.message}\n${stderr}`));
          else resolve(stdout.trim().split('\n'));
        });
      });
    t.same(await complete('fleet', 'age'), ['agents']);
    t.same(await complete('fleet', 'agents', 's'), ['show']);
    t.same(await complete('fleet', 'agents', 'show', 'gre'), ['greeter'], 'names come from the fleet');
    t.same(await complete('fleet', 'join-token', 'create', '--cla'), ['--class']);
    t.same(await complete('fleet', 'keys', 'create', 'x', '--role', 'op'), ['operator'], 'choices of a flag');
    t.same(await complete('fleet', '--data', data[1] as string, 'agents', 'show', 'gre'), ['greeter']);
    t.same(await complete(join(root, 'bin/fleet'), 'agents', 'show', 'gre'), ['greeter'], 'not on the PATH');
  });

  await t.test('no coordinator', async (t) => {
    await fleet.stopCoordinator('SIGTERM');
    const { code, stderr } = await runFleet(['nodes', '--data', join(fleet.folder, 'coordinator')]);
    t.equal(code, 3);
    t.match(stderr, /No fleet runs from .*make up/);
  });
});
