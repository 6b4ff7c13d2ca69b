import t from 'tap';
import { actorOf, askerWords } from './asker-words.ts';
import { Principal } from './principal.ts';

t.test('who asked, as the audit log and as people read it', async (t) => {
  const words: Record<Principal['kind'], [actor: string, text: string]> = {
    key: ['key:ada', 'key ada'],
    session: ['key:ada', 'ada, signed in to the console'],
    node: ['node:ada', 'a trigger, on ada'],
  };
  for (const kind of Principal.properties.kind.anyOf.map(({ const: each }) => each)) {
    const by = { kind, id: 'k1', name: 'ada' };
    t.same([actorOf(by), askerWords(by)], words[kind], kind);
  }
  t.equal(askerWords(undefined), 'not known');
  t.equal(askerWords({ kind: 'team', id: null, name: 'crew' } as never), 'crew', 'of a newer coordinator');
});
