import t from 'tap';
import { ordersInWords, pinInWords, placeOf, placesFor } from './orders.ts';

const order = (node: string, ok: boolean) => ({ node, ok, text: ok ? `${node} fetches m.` : 'the disk is full' });

t.test('what the nodes answered', async (t) => {
  const words = (...orders: ReturnType<typeof order>[]) =>
    ordersInWords({ model: 'm', orders }, 'fetch').map(({ text, tone }) => `${tone} ${text}`);
  t.same(words(order('a', true)), ['good a fetches m.']);
  t.same(words(order('a', true), order('b', true), order('c', false)), [
    'good 2 nodes fetch m.',
    'bad c: the disk is full',
  ]);
  const many = Array.from({ length: 6 }, (_, i) => order(`n${i}`, false));
  t.equal(words(...many).length, 4);
  t.equal(words(...many).at(-1), 'bad 3 more nodes refused.');
});

t.test('where a model may be fetched', async (t) => {
  const fit = (name: string, free: number) => ({
    class: name,
    nodes: 9,
    fitting: 9,
    free,
    decodeTps: 1,
    measured: false,
  });
  t.same(placesFor({ fits: [fit('gpu', 1), fit('micro', 0), fit('pi', 3)] }), [
    ['', 'everywhere it fits: 4 nodes'],
    ['class:gpu', 'gpu: 1 node'],
    ['class:pi', 'pi: 3 nodes'],
  ]);
  t.same(placesFor({ fits: [fit('pi', 3)] }), [['class:pi', 'pi: 3 nodes']], 'one class is everywhere');
  t.same(placesFor({ fits: [fit('pi', 0)] }), []);
  t.same([placeOf(''), placeOf('class:pi'), placeOf('node:alice')], [{}, { class: 'pi' }, { nodes: ['alice'] }]);
});

t.test('pins', async (t) => {
  const pin = { by: 'key:ada', atMs: 1 };
  t.equal(pinInWords({ ...pin, node: 'alice', class: null }), 'on alice');
  t.equal(pinInWords({ ...pin, node: null, class: 'pi' }), 'on every pi');
  t.equal(pinInWords({ ...pin, node: null, class: null }), 'wherever it is');
});
