// The form of a rollout: what a person fills in, and the request or the words that follow.
import t from 'tap';
import { type Draft, freshDraft, gatesFor, requestOf } from './rollout-draft.ts';

const request = (draft: Partial<Draft>) => requestOf({ ...freshDraft, what: '1.4.0', ...draft });
const usual = { soakSeconds: 600, approval: 'none', onRed: 'roll-back' };
const waves = [{ count: 1 }, { percent: 5 }, { percent: 25 }, { percent: 100 }];

t.test('what is left empty is left to the coordinator', async (t) => {
  t.same(request({}), { what: { kind: 'node-agent', version: '1.4.0' }, waves, ...usual });
  t.same(request({ kind: 'model', what: ' llama3.2:3b ' }), {
    what: { kind: 'model', model: 'llama3.2:3b' },
    waves,
    ...usual,
  });
});

t.test('all that a rollout has', async (t) => {
  t.match(
    request({
      names: 'alice, bob',
      class: 'pi',
      site: 'attic',
      labels: 'ring=new',
      windows: '22:00-06:00; sat,sun 09:00-18:00',
      most: '3',
      downgrade: true,
      off: ['temperature'],
      onRed: 'stop',
      note: 'the fan is new',
    }),
    {
      select: { names: ['alice', 'bob'], class: 'pi', site: 'attic', labels: { ring: 'new' } },
      windows: [
        { from: '22:00', to: '06:00' },
        { days: ['sat', 'sun'], from: '09:00', to: '18:00' },
      ],
      maxUnavailable: 3,
      downgrade: true,
      gates: ['update', 'contact', 'task-errors', 'reconnects', 'tokens', 'sd-writes', 'memory'],
      onRed: 'stop',
      note: 'the fan is new',
    },
  );
  const agents = request({ kind: 'agent', models: 'qwen3:4b, small', temperature: '0.2', off: ['memory', 'tokens'] });
  t.match(agents, { what: { kind: 'agent', change: { model: ['qwen3:4b', 'small'], temperature: 0.2 } } });
  t.match(agents, { gates: ['update', 'contact', 'task-errors'] }, 'of agents no memory is measured');
  const none = request({ off: gatesFor('node-agent') });
  t.same(typeof none === 'string' ? none : none.gates, [], 'none stops it');
  t.match(request({ kind: 'configuration', what: 'ring=new, old-' }), {
    what: { labels: { set: { ring: 'new' }, remove: ['old'] } },
  });
});

t.test('updates of the operating system have no way back', async (t) => {
  t.match(request({ kind: 'os', what: '', onRed: 'roll-back' }), {
    what: { kind: 'os', packages: 'security', restart: 'if-needed' },
    onRed: 'stop',
  });
  t.match(request({ kind: 'os', packages: 'all', restart: 'never' }), { what: { packages: 'all', restart: 'never' } });
});

t.test('what is wrong is named with its field', async (t) => {
  const table: [Partial<Draft>, RegExp][] = [
    [{ waves: '1,50 of 9' }, /^Waves: "50 of 9" is no number/],
    [{ minutes: '0' }, /^Watched for: expected minutes, more than 0/],
    [{ minutes: 'long' }, /^Watched for: expected minutes, more than 0, got "long"/],
    [{ windows: 'at night' }, /^Hours: expected 22:00-06:00 .* got "at night"/],
    [{ windows: 'someday 09:00-18:00' }, /^Hours: /],
    [{ labels: 'ring' }, /^With these labels: expected name=value, got "ring"/],
    [{ most: 'few' }, /^At most under way: expected a number, got "few"/],
    [{ kind: 'agent' }, /^A change to agents: fill in what is to change/],
    [{ kind: 'agent', temperature: 'warm' }, /^Temperature: expected a number, got "warm"/],
    [{ kind: 'configuration', what: 'ring' }, /^Labels: expected name=value/],
  ];
  for (const [draft, words] of table) t.match(request(draft), words, String(words));
});
