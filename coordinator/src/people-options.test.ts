// The option of the MQTT door for people: which port it means, and what is wrong with it.
import t from 'tap';
import { readConfig } from './config.ts';
import { peoplePortOf } from './people-options.ts';

const portOf = (...argv: string[]) => peoplePortOf(readConfig(argv, {}));

t.test('the port', async (t) => {
  t.equal(portOf(), 8405, 'the fifth after --port');
  t.equal(portOf('--port', '9000'), 9005);
  t.equal(portOf('--port', '0'), 0, 'any');
  t.equal(portOf('--people-port', '8883'), 8883);
  t.equal(portOf('--people-port', '0'), 0);
  t.equal(portOf('--people-port', 'none'), null);
  t.equal(portOf('--broker', 'mqtts://broker.lan:8883'), null, 'people use that broker');
  t.equal(portOf('--broker', 'mqtts://broker.lan:8883', '--people-port', 'none'), null);
});

t.test('what it cannot be', async (t) => {
  for (const [argv, words] of [
    [['--people-port', 'five'], /--people-port: expected a number from 0 to 65535 or none, got "five"/],
    [['--people-port', '65536'], /got "65536"/],
    [['--people-port', '-1'], /got "-1"/],
    [['--people-port', '8402'], /expected a port that the coordinator does not use itself \(8400 to 8404\), got 8402/],
    [['--people-port', '8883', '--broker', 'mqtts://broker.lan:8883'], /expected no --broker with it/],
  ] as const)
    t.throws(() => readConfig([...argv], {}), { name: 'OptionError', message: words });
});
