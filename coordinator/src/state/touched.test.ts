import t from 'tap';
import { nothingTouched, touchesAnything } from './touched.ts';

t.notOk(touchesAnything(nothingTouched()));
for (const field of Object.keys(nothingTouched())) {
  t.test(`${field} alone is something to look at`, async (t) => {
    const touched: Record<string, Set<unknown> | unknown[]> = { ...nothingTouched() };
    const of = touched[field] as Set<unknown> | unknown[];
    if (of instanceof Set) of.add('alice');
    else of.push('alice');
    t.ok(touchesAnything(touched as never));
  });
}
