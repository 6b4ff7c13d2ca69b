// Where the files of documents lie, and how the object store stands.
import { counted, type ObjectsView, objectsMovingInWords } from '@blackroad/protocol';
import type { Verb, VerbCall } from '../verb.ts';
import { ago, bytes } from '../words.ts';

function wordsOf(view: ObjectsView, call: VerbCall): string {
  const { store, home, onDisk, inStore, mostBytes, trouble, faulty, unknown, keepsRemoved } = view;
  const amount = (of: { count: number; bytes: number }) => `${counted(of.count, 'object')}, ${bytes(of.bytes)}`;
  const red = (text: string) => call.paint('red', text);
  const lines = [
    `on disk    ${amount(onDisk)}`,
    `in store   ${store === null && inStore.count === 0 ? 'no object store is set (--objects)' : amount(inStore)}`,
    `room       ${bytes(mostBytes)} in all`,
  ];
  if (store !== null)
    lines.push(`store      ${store}${home === 'disk' ? '; it is being left (--objects-home disk)' : ''}`);
  if (store === null && inStore.count > 0)
    lines.push(red('store      none is set: what is there cannot be read (--objects)'));
  if (store !== null && trouble === null) lines.push('answers    yes');
  if (trouble) lines.push(red(`answers    no, ${ago(trouble.sinceMs, call.clock.nowMs())}: ${trouble.text}`));
  const moving = objectsMovingInWords(view);
  if (moving !== '') lines.push(`waiting    ${moving}`);
  if (inStore.count > 0) lines.push('backups    have what is on the disk; what is in the store is not in them');
  if (faulty.count > 0) lines.push(red(`faulty     ${counted(faulty.count, 'object')}: ${faulty.texts.join(' ')}`));
  if (unknown.count > 0)
    lines.push(`unknown    ${amount(unknown)} in the folder of this fleet that nothing here names; left alone`);
  if (keepsRemoved) lines.push(red('removed    the bucket has versions: what is removed stays in it'));
  return lines.join('\n');
}

export const objectVerbs: readonly Verb[] = [
  {
    words: 'objects',
    args: '',
    text: 'Where the files of documents lie: on the disk of the coordinator or in an object store, and whether that answers.',
    async run(call) {
      const view = await call.client().call('objects');
      call.show(view, () => wordsOf(view, call));
    },
  },
];
