// Faults as sentences hold no operators, patterns or types of a programming language.
import t from 'tap';
import { AgentSpec } from './agent.ts';
import { withDefaults } from './codec.ts';
import { JoinTokenRequest } from './enrol.ts';
import { eventTypes } from './events.ts';
import { faultInWords } from './fault-words.ts';
import { faults } from './faults.ts';
import { FleetError, fromProblem, toProblem } from './problem.ts';
import { WebhookEdit } from './webhook.ts';

const spec = (given: object) =>
  faults(AgentSpec, withDefaults(AgentSpec, { name: 'ada', model: ['auto'], instructions: 'x', ...given })).map(
    faultInWords,
  );

t.test('what people get wrong most', async (t) => {
  t.same(faults(JoinTokenRequest, { uses: 0 }).map(faultInWords), ['uses must be at least 1, not 0.']);
  t.same(spec({ concurrency: 'two' }), ['concurrency must be a whole number, not "two".']);
  t.same(spec({ modle: 'auto' }), ['There is no field modle. Did you mean model?']);
  t.match(spec({ name: 'Bad Name' }), [/^name must be a name of lower-case letters, .*, not "Bad Name"\.$/]);
  t.same(spec({ onLoss: { policy: 'panic' } }), ['onLoss.policy must be replace or wait or keep, not "panic".']);
  t.same(spec({ tools: [{ tool: 'http' }] }), ['tools.0.hosts is missing.']);
  t.same(spec({ model: [] }), ['model must not be empty.']);
  t.same(spec({ temperature: 9 }), ['temperature must be at most 2, not 9.']);
});

t.test('of many values the near ones are named, and not all of them', async (t) => {
  const said = (events: string[]) => faults(WebhookEdit, { events });
  const many = eventTypes.length;
  t.same(said(['node-lost', 'node-lots']).map(faultInWords), [
    `events.1 must be one of ${many} values, not "node-lots". Did you mean node-lost or node-class?`,
  ]);
  t.match(said(['node-lots']), [
    { field: 'events.0', expected: `one of ${many} values (did you mean node-lost or node-class?)` },
  ]);
  t.same(said(['xyzzy']).map(faultInWords), [`events.0 must be one of ${many} values, not "xyzzy".`]);
});

t.test('no machine speech, whatever is wrong', async (t) => {
  const wrong = [7, 'x', true, [], {}, -1, 1e9, 'y'.repeat(300)];
  for (const field of Object.keys(AgentSpec.properties))
    for (const value of wrong)
      for (const words of spec({ [field]: value })) {
        t.notMatch(words, /[<>]=|\^\[|expected| or string| or integer/, `${field}: ${words}`);
        t.ok(/[.?]$/.test(words) && words.length < 400, words);
      }
});

t.test('a problem carries them', async (t) => {
  const told = { field: 'uses', expected: '>= 1', got: '0', text: 'uses must be at least 1, not 0.' };
  const problem = toProblem(
    new FleetError('invalid-request', { detail: 'x', faults: faults(JoinTokenRequest, { uses: 0 }) }),
  );
  t.same(problem.faults, [told]);
  t.same(toProblem(fromProblem(problem)).faults, [told], 'told on, its words stay');
});
