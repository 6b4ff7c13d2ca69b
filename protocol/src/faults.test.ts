import t from 'tap';
import { AgentSpec } from './agent.ts';
import { withDefaults } from './codec.ts';
import { faults } from './faults.ts';
import { nearNames } from './near.ts';

const specFaults = (given: object) =>
  faults(AgentSpec, withDefaults(AgentSpec, { name: 'ada', model: ['auto'], instructions: 'x', ...given })).map(
    ({ field, expected }) => `${field}: ${expected}`,
  );

t.test('one wrong tool is one fault', async (t) => {
  t.same(specFaults({ tools: [{ tool: 'memry' }] }), [
    'tools.0.tool: "memory" or "node" or "http" or "mqtt" or "mcp" or "gpio" or "sensor" or "camera"',
  ]);
  t.same(specFaults({ tools: [{ tool: 'node' }, { tool: 'http' }] }), ['tools.1.hosts: a value (it is required)']);
  t.same(specFaults({ tools: [{ tool: 'mqtt', topic: ['x'], topics: ['x'] }] }).length, 1);
  t.same(specFaults({ tools: [{ tool: 'mqtt', topics: ['x'] }] }), []);
});

t.test('a field of no name says which one was meant, at any depth', async (t) => {
  t.match(specFaults({ modle: 'auto' }), ['modle: no field of that name (did you mean model?)']);
  t.match(specFaults({ memory: { recal: 3 } }), ['memory.recal: no field of that name (did you mean recall?)']);
  t.match(specFaults({ triggers: [{ cron: '0 8 * * *', promt: 'x', prompt: 'x' }] }), [
    'triggers.0.promt: no field of that name (did you mean prompt?)',
  ]);
  t.match(specFaults({ completelyElse: 1 }), ['completelyElse: no field of that name']);
});

t.test('a pattern is said in words', async (t) => {
  t.match(specFaults({ name: 'Bad Name' }), [/^name: a name of lower-case letters, digits and dashes/]);
});

t.test('letters that changed places are one slip', async (t) => {
  t.same(nearNames('modle', ['model', 'memory']), ['model']);
  t.same(nearNames('cordno', ['cordon', 'uncordon']), ['cordon']);
});
