// A conversation on the command line against the real API: begun with a question, gone on with, listed, shown and deleted.
import type { TaskLease } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { openApiFleet } from '../../../../test/fixtures/coordinator/api-fleet.ts';
import { createClient } from '../client.ts';
import type { VerbCall } from '../verb.ts';
import { paintFor } from '../words.ts';
import { agentVerbs } from './agents.ts';
import { conversationVerbs } from './conversations.ts';

t.test('a conversation', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const node = await fleet.node('alice');
  const leases: TaskLease[] = [];
  node.onLease = (lease, { end }) => {
    leases.push(lease);
    end(`Answer ${leases.length}.`);
  };
  await fleet.call('PUT', '/v1/agents/greeter', { body: { name: 'greeter', model: ['auto'], instructions: 'Greet.' } });
  const client = createClient({ url: fleet.base, key: fleet.keys.operator, ca: null });
  const run = async (words: string, args: string[], flags: VerbCall['flags'] = {}) => {
    const out: string[] = [];
    const say = (text: string) => void out.push(text);
    const call = {
      args,
      flags,
      json: false,
      client: () => client,
      show: (_: unknown, text: () => string) => say(text()),
      write: say,
      note: say,
      paint: paintFor(false),
      as: { fleet: (line: string) => `fleet ${line}` },
      columns: 120,
      clock: systemClock,
      signal: new AbortController().signal,
      interactive: false,
    } as unknown as VerbCall;
    await [...agentVerbs, ...conversationVerbs].find((verb) => verb.words === words)?.run(call);
    return out.join('\n');
  };

  t.match(
    await run('conversations', []),
    'No conversations. Begin one: fleet ask <agent> --conversation new <text...>',
  );
  const begun = await run('ask', ['greeter', 'My', 'dog', 'is', 'Rex.'], { conversation: 'new' });
  const [, id = ''] = /^Conversation ([a-z0-9]+): go on with fleet ask greeter --conversation \1/.exec(begun) ?? [];
  t.match(begun, 'Answer 1.');
  t.match(await run('ask', ['greeter', 'Who?'], { conversation: id }), 'Answer 2.');
  t.match(leases[1]?.turns, [{ said: 'My dog is Rex.', answered: 'Answer 1.' }]);
  t.match(await run('conversations', [], { agent: 'greeter' }), new RegExp(`${id} +greeter +2 .* - +My dog is Rex\\.`));
  const shown = await run('conversations show', [id]);
  t.match(shown, /^My dog is Rex\. \(2 messages\)\n\nyou {2}My dog is Rex\.\ngreeter {2}Answer 1\.\n\nyou {2}Who\?/);
  t.match(await run('conversations delete', [id]), 'The conversation is deleted.');
  await t.rejects(run('conversations show', [id]), { code: 'no-such-conversation' });
  await t.rejects(run('ask', ['greeter', 'Who?'], { conversation: id }), { code: 'no-such-conversation' });
});
