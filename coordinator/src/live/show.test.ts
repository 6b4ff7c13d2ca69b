// What people and programs are told of an agent that is not ready: words, and the code that stays when the words change.
import { type AgentObserved, type AgentReason, AgentView, agentReasonCodes, faults } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { boot1 } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { agentLine } from './feed/lines.ts';
import { showAgent } from './show.ts';

const shown = (fleet: SampleFleet) => {
  const view = showAgent(fleet.view, 'ada');
  t.same(faults(AgentView, view), []);
  return view;
};

t.test('what its node says of it reaches the page and the line', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('ada', 'anvil');
  const says = (over: Partial<AgentObserved>) => {
    const { epoch } = fleet.agent('ada');
    const observed = { boot: boot1, agent: 'ada', epoch, state: 'starting' as const, model: 'small', ...over };
    fleet.apply([{ type: 'observed', agent: 'ada', node: 'anvil', observed }]);
    return [shown(fleet), agentLine(fleet.view, 'ada', new Map())];
  };
  const reason = 'fetching small, 41 %';
  const coded = { reasonCode: 'model-fetching', progress: 0.41 };
  const [view, line] = says({ reason, code: 'model-fetching', progress: 0.41 });
  t.match(view, { state: 'starting', reason, ...coded });
  t.match(line, { state: 'starting', text: reason, ...coded });
  for (const each of says({ reason })) t.notMatch(each, { reasonCode: /./ }, 'an older node says words alone');
  const newer = 'thinks-of-it-first';
  for (const each of says({ reason, code: newer })) t.match(each, { reasonCode: newer }, 'of a newer node');
});
t.test('what becomes of it while its node is away', async (t) => {
  const said = new Map<AgentReason, RegExp>([
    ['node-lost-waits', /; it waits for its node/],
    ['node-lost-alone', /; it may still be running there/],
    ['node-lost-moves', /; it is about to be placed elsewhere/],
    ['node-lost-frozen', /; moves are frozen: the network/],
  ]);
  for (const [reasonCode, words] of said) {
    t.ok(agentReasonCodes.includes(reasonCode));
    const fleet = new SampleFleet();
    const policy =
      reasonCode === 'node-lost-waits' ? 'wait' : reasonCode === 'node-lost-alone' ? 'keep' : ('replace' as const);
    fleet.runs('ada', 'anvil', { onLoss: { policy, afterSeconds: 0 } });
    const row = { ...fleet.node('anvil'), presence: 'suspect' as const, presenceReason: 'its connection fell' };
    fleet.apply([{ type: 'node', row }]);
    t.match(shown(fleet), { reasonCode: 'node-suspect', reason: 'anvil is suspect: its connection fell' });
    const sinceMs = fleet.now;
    fleet.apply([{ type: 'node', row: { ...row, presence: 'lost' } }]);
    if (reasonCode === 'node-lost-frozen')
      fleet.apply([{ type: 'frozen', frozen: [{ site: null, sinceMs, reason: 'the network', released: [] }] }]);
    t.match(shown(fleet), { state: 'waiting', reasonCode, reason: words });
  }
});
