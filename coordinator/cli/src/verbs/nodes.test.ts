import t from 'tap';
import type { VerbCall } from '../verb.ts';
import { nodeVerbs } from './nodes.ts';

t.test('a release says what it opens: a quarantine ends, or a machine set up anew may come back', async (t) => {
  const verb = nodeVerbs.find(({ words }) => words === 'nodes release');
  for (const [status, words] of [
    ['quarantined', 'ct101 is released.'],
    ['active', 'ct101 is not quarantined; its machine, set up anew, may join as ct101 within an hour.'],
  ] as const) {
    const asked: string[] = [];
    const shown: string[] = [];
    const call = {
      args: ['ct101'],
      client: () => ({
        call: async (route: string) => {
          asked.push(route);
          return { id: 'ct101', status: route === 'node' ? status : 'active' };
        },
      }),
      show: (_: unknown, text: () => string) => shown.push(text()),
    } as unknown as VerbCall;
    await verb?.run(call);
    t.same(asked, ['node', 'nodeRelease'], status);
    t.same(shown, [words]);
  }
});
