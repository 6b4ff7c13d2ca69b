import t from 'tap';
import { actorOf, askerWords } from './asker-words.ts';
import { Asker } from './principal.ts';

t.test('who asked, as the audit log and as people read it', async (t) => {
  const words: Record<Asker['kind'], [actor: string, text: string]> = {
    key: ['key:ada', 'key ada'],
    session: ['key:ada', 'ada, signed in to the console'],
    node: ['node:ada', 'a trigger, on ada'],
    token: ['token:ada', 'join token ada'],
    address: ['address:ada', 'somebody at ada'],
    coordinator: ['coordinator', 'ada'],
  };
  for (const kind of Asker.properties.kind.anyOf.map(({ const: each }) => each)) {
    const by = { kind, id: 'k1', name: 'ada' };
    t.same([actorOf(by), askerWords(by)], words[kind], kind);
  }
  const itself = { kind: 'coordinator', id: null } as const;
  t.equal(askerWords({ ...itself, name: 'coordinator' }), 'the coordinator');
  const name = 'trigger webhook doorbell of porter';
  t.equal(askerWords({ ...itself, name }), name, 'what it ran says which it was');
  t.equal(askerWords(undefined), 'not known');
  t.equal(askerWords({ kind: 'team', id: null, name: 'crew' } as never), 'crew', 'of a newer coordinator');
});
