// Conversations: whose they are, what goes along with a message, where a message may follow, and every bound.
import {
  type Exchange,
  maxConversationChars,
  maxConversationsPerOwner,
  maxTaskImageChars,
  maxTasksPerConversation,
  type Principal,
} from '@blackroad/protocol';
import t from 'tap';
import { code, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { endedTask, keyRow } from '../../../test/fixtures/coordinator/stored-rows.ts';
import type { TaskOfConversation } from '../state/conversation-row.ts';
import type { EndedTask, TaskRow } from '../state/rows.ts';
import { deleteConversation, editConversation, mayRead, openConversation } from './conversations.ts';

const bob: Principal = { ...ada, kind: 'session', id: 'k-bob', name: 'bob' };

function begun(title?: string) {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice', { concurrency: 8 });
  const open = (id: string, by: Principal = ada) =>
    fleet.decide<'conversation-open'>(openConversation, { by, id, agent: 'greeter', ...(title ? { title } : {}) });
  open('c1');
  const stored: TaskOfConversation[] = [];
  const ask = (id: string, prompt: string, after?: string | null, over: object = {}) =>
    fleet.submit(
      id,
      'greeter',
      { prompt, conversation: { id: 'c1', ...(after === undefined ? {} : { after }) }, ...over },
      { said: stored },
    );
  /** It is answered, and stored with its end. */
  const answered = (id: string, result: string, over: Partial<EndedTask> = {}) => {
    const row = fleet.task(id) as TaskRow;
    fleet.report(id, 'alice', 'done', { result });
    stored.push({ row: endedTask(row, { result, ...over }), pictures: 0, pictureCharacters: 0 });
  };
  const turnsOf = (id: string): Exchange[] => [...(fleet.task(id)?.turns ?? [])];
  return { fleet, open, ask, answered, turnsOf, stored, row: () => fleet.view.conversations.get('c1') };
}

t.test('what was said before goes along, along the branch that is gone on with', async (t) => {
  const { ask, answered, turnsOf, row, fleet } = begun();
  const first = ask('t1', '  My dog\n is called Rex.  ');
  t.match(
    said(first.messages, 'task'),
    [{ message: { turns: { length: 0 }, trace: true } }],
    'nothing of the last hour of others',
  );
  t.match(row(), { title: 'My dog is called Rex.', tasks: 1, isShared: false });
  answered('t1', 'A good name.');
  ask('t2', 'And my cat?');
  t.match(fleet.task('t2'), { conversation: 'c1', after: 't1' }, 'it follows the newest one');
  t.same(turnsOf('t2'), [{ said: '  My dog\n is called Rex.  ', answered: 'A good name.' }]);
  answered('t2', 'I do not know.');
  ask('t3', 'And my bird?', 't1');
  t.match(fleet.task('t3'), { after: 't1' });
  t.equal(turnsOf('t3').length, 1, 'the message that it replaces is not among them');
  answered('t3', 'Neither.');
  ask('t4', 'My dog is called Bo.', null);
  t.same([fleet.task('t4')?.after, turnsOf('t4')], [undefined, []], 'the first message, edited');
  t.match(row(), { title: 'My dog is called Rex.', tasks: 4 });
});

t.test('a message waits for the answer before it; one that failed brings nothing along', async (t) => {
  const { ask, answered, turnsOf, stored } = begun();
  ask('t1', 'Hello?');
  t.match(ask('t2', 'Are you there?').outcome, { code: 'conflict', details: { detail: /not answered yet/ } });
  t.equal(code(ask('t2', 'Hello!', null)), 'ok', 'asked anew beside it');
  answered('t1', 'Hi.');
  answered('t2', '', { state: 'failed', result: null });
  ask('t3', 'Well?', 't2');
  t.same(turnsOf('t3'), []);
  t.match(ask('t4', 'Well?', 'other').outcome, { code: 'conflict', details: { detail: /has no task other/ } });
  const { row } = stored[0] as TaskOfConversation;
  const { endedMs: _, ...live } = row as EndedTask;
  stored[0] = { row: live as TaskRow, pictures: 0, pictureCharacters: 0 };
  t.match(ask('t4', 'Well?', 't1').outcome, { code: 'conflict' }, 'read before it had ended');
});

t.test('only its owner goes on with it, names, shares and deletes it', async (t) => {
  const { fleet, ask, row } = begun('Dogs');
  const by = (who: Principal) => ({ by: who });
  const { request, agent } = { request: { prompt: 'Hi', conversation: { id: 'c1' } }, agent: 'greeter' };
  t.equal(code(fleet.submit('t1', agent, request, by(bob))), 'no-such-conversation');
  t.equal(code(fleet.submit('t1', agent, request, { by: null })), 'no-such-conversation');
  const edit = (who: Principal, what: object) =>
    fleet.decide<'conversation-edit'>(editConversation, { by: who, id: 'c1', ...what });
  t.equal(code(edit(bob, { title: 'Mine' })), 'no-such-conversation');
  edit(ada, { title: 'My dogs' });
  t.match(row(), { title: 'My dogs', isShared: false });
  const reads = (who: Principal) => mayRead(fleet.view, row()!, who, fleet.now);
  t.same([reads(ada), reads(bob)], [true, false]);
  const shared = edit(ada, { isShared: true });
  t.match(shared.changes, [{ type: 'conversation' }, { row: { action: 'conversation-share', subject: 'c1' } }]);
  t.same([reads(bob), reads({ ...bob, space: 'other' })], [true, false]);
  t.same(edit(ada, { isShared: true }).changes, [], 'as it is already');
  t.equal(code(fleet.submit('t1', agent, request, by(bob))), 'no-such-conversation', 'to read is not to go on');
  ask('t1', 'Hello?');
  t.equal(row()?.title, 'My dogs', 'a name that was given stays');
  const remove = (who: Principal) => fleet.decide<'conversation-delete'>(deleteConversation, { by: who, id: 'c1' });
  t.equal(code(remove(bob)), 'no-such-conversation');
  t.equal(code(remove(ada)), 'ok');
  t.equal(row(), undefined);
  t.equal(code(ask('t2', 'Hello?')), 'no-such-conversation');
});

t.test(
  'who gets a new key under the same name keeps their conversations, as soon as the old one is no good',
  async (t) => {
    const { fleet, row } = begun();
    const key = keyRow(ada.id as string, { name: ada.name });
    fleet.apply([{ type: 'key', row: key }]);
    const anew = { ...ada, id: 'k-new' };
    t.notOk(mayRead(fleet.view, row()!, anew, fleet.now));
    fleet.apply([{ type: 'key', row: { ...key, revoked: true } }]);
    t.ok(mayRead(fleet.view, row()!, anew, fleet.now));
    t.notOk(mayRead(fleet.view, row()!, { ...anew, name: 'eve' }, fleet.now));
    t.notOk(mayRead(fleet.view, row()!, { ...ada, kind: 'node' }, fleet.now), 'a node is nobody');
  },
);

t.test('every bound says what it is', async (t) => {
  const { fleet, ask, open, stored, row, answered } = begun();
  t.match(ask('t1', 'Hi', undefined, { turns: [{ said: 'a', answered: 'b' }] }).outcome, {
    code: 'invalid-request',
    details: { detail: /turns: expected none beside conversation/ },
  });
  fleet.runs('other', 'alice');
  const foreign = fleet.submit('t1', 'other', { prompt: 'Hi', conversation: { id: 'c1' } }).outcome;
  t.match(foreign, { code: 'conflict', details: { detail: /one with greeter/ } });
  const picture = 'A'.repeat(maxTaskImageChars);
  t.match(ask('t1', 'Hi', undefined, { images: [picture, 'AAAA'] }).outcome, {
    code: 'invalid-request',
    details: { detail: /images: expected at most 61440 characters, got 61444/ },
  });
  t.equal(code(ask('t1', 'Hi', undefined, { images: [picture] })), 'ok');
  t.equal(fleet.view.promptCharacters, 2 + maxTaskImageChars, 'pictures count');
  answered('t1', 'Hi.');
  stored.push({ row: { ...stored[0]!.row, id: 't0' }, pictures: 4, pictureCharacters: maxConversationChars - 10 });
  t.match(ask('t2', 'Hi', 't1').outcome, { code: 'conflict', details: { detail: /has 4194304 characters/ } });
  stored.pop();
  fleet.apply([{ type: 'conversation', row: { ...row()!, tasks: maxTasksPerConversation } }]);
  t.match(ask('t2', 'Hi', 't1').outcome, { code: 'conflict', details: { detail: /has 200 messages/ } });
  for (let i = 2; i <= maxConversationsPerOwner; i++) open(`c${i}`);
  t.match(open('more').outcome, { code: 'fleet-full', details: { detail: /You have 500 conversations/ } });
  t.equal(code(open('his', bob)), 'ok', 'of one person alone');
});

t.test('pictures are for models that see', async (t) => {
  const { fleet, ask } = begun();
  fleet.capacity('alice');
  const { capacity } = fleet.view.live.get('alice')!;
  const model = fleet.agent('greeter').placement?.model;
  const seeing = (sees: boolean | undefined) =>
    fleet.apply([
      {
        type: 'capacity',
        node: 'alice',
        capacity: {
          ...capacity!,
          models: [{ ...capacity!.models[0]!, name: model!, ...(sees === undefined ? {} : { sees }) }],
        },
      },
    ]);
  seeing(false);
  const images = { images: ['AAAA'] };
  t.match(ask('t1', 'What is it?', undefined, images).outcome, {
    code: 'not-supported',
    details: { detail: /takes no pictures/ },
  });
  seeing(undefined);
  const asked = ask('t1', 'What is it?', undefined, images);
  t.match(said(asked.messages, 'task'), [{ message: images }], 'its server does not tell');
});
