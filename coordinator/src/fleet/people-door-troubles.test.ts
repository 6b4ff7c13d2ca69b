// The alert of the MQTT door for people: not of a restart, but where programs cannot connect for longer; with the reason.
import t from 'tap';
import { peopleDoorTroubles } from './people-door-troubles.ts';

t.test('a door that programs cannot use is an alert after half a minute', async (t) => {
  const problem = 'its port 8405 is in use by another program';
  const away = { problem, problemSinceMs: 1_000 };
  t.same(peopleDoorTroubles(null, 1e9), [], 'there is none');
  t.same(peopleDoorTroubles({ problem: null, problemSinceMs: null }, 1e9), []);
  t.same(peopleDoorTroubles(away, 30_999), [], 'a restart of its process');
  t.match(peopleDoorTroubles(away, 31_000), [
    {
      kind: 'people-door',
      severity: 'error',
      sinceMs: 1_000,
      text: new RegExp(problem),
      actions: [{ verb: 'open-mqtt' }],
    },
  ]);
});
