// Files in a prompt, there and back.
import t from 'tap';
import { splitFiles, textOf, withFiles } from './attached.ts';

t.test('what is attached is found again, whatever it contains', async (t) => {
  const files = [
    { name: 'notes.md', text: '# Notes\n\n````js\ncode\n````\n' },
    { name: 'a "b"\nc', text: '' },
    { name: 'last.txt', text: 'Attached file "x":\n````\nno\n````' },
  ];
  const prompt = withFiles('  What is this? ', files);
  t.match(prompt, /^What is this\?\n\nAttached file "notes\.md":\n`{5}\n# Notes/);
  const found = splitFiles(prompt);
  t.equal(found.message, 'What is this?');
  t.same(found.files, [files[0], { name: "a 'b'c", text: '' }, files[2]]);
  t.same(splitFiles(withFiles('', files.slice(0, 1))), { message: '', files: files.slice(0, 1) }, 'a file alone');
});
t.test('words without files stay as they are', async (t) => {
  for (const prompt of ['Hello', 'Attached file "x" is missing', 'a\n\nAttached file "x":\n````\nno end'])
    t.same(splitFiles(prompt), { message: prompt, files: [] });
  t.equal(withFiles('Hello', []), 'Hello');
});
t.test('only text is taken for text', async (t) => {
  t.equal(textOf(new TextEncoder().encode('ü\r\n')), 'ü\n');
  t.equal(textOf(Uint8Array.from([0xff, 0xd8, 0xff])), null);
  t.equal(textOf(Uint8Array.from([97, 0, 98])), null);
});
