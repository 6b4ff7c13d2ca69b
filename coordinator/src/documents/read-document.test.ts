// Documents of every kind as the parts that become memories: where they are from, that nothing of them is lost or made up, and what is said of
// files that cannot be taken. The PDFs are written here, by the format.
import { maxMemoryTextBytes } from '@blackroad/protocol';
import t from 'tap';
import { type PdfLine, pdfOf } from '../../../test/fixtures/documents/pdf.ts';
import { readDocument } from './read-document.ts';

const read = (content: string | Uint8Array, name = 'a.txt') =>
  readDocument(new Uint8Array(Buffer.from(content as string)), name);
const shown = async (content: string | Uint8Array, name?: string) =>
  (await read(content, name)).parts.map(({ text, page, headings }) => [page, headings, text]);
const line = (text: string, down = 14): PdfLine => ({ text, down });

t.test(
  'a PDF: paragraphs, headings by the size of their letters, pages; what repeats on every page is left out',
  async (t) => {
    const page = (number: number, lines: PdfLine[]) => [line('Pump manual 2026'), ...lines, line(`Page ${number}`, 60)];
    const file = pdfOf([
      page(1, [
        { text: 'Setup', size: 20, down: 40 },
        line('Turn the valve to the left and wait until the pres-', 40),
        line('sure is at 2 bar.'),
        line('Then switch it on.', 40),
      ]),
      page(2, [line('It hums (quietly).'), { text: 'Reset', size: 20, down: 40 }, line('Press both buttons.', 30)]),
      page(3, [{ text: 'Codes', size: 15, down: 40 }, line('E4 means heat.', 30)]),
      page(4, [line('End of the codes.')]),
    ]);
    const { type, pages, emptyPages } = await read(file, 'manual.pdf');
    t.match({ type, pages, emptyPages }, { type: 'pdf', pages: 4, emptyPages: 0 });
    t.same(await shown(file, 'manual.pdf'), [
      [
        1,
        'Setup',
        'Setup\nTurn the valve to the left and wait until the pressure is at 2 bar.\nThen switch it on.\nIt hums (quietly).',
      ],
      [2, 'Reset', 'Reset\nPress both buttons.'],
      [3, 'Reset › Codes', 'Reset › Codes\nE4 means heat.\nEnd of the codes.'],
    ]);
  },
);

t.test('a PDF of 300 pages, some of them pictures', async (t) => {
  const pages = Array.from({ length: 300 }, (_, at) =>
    at % 100 === 7 ? null : [line(`Fact ${at + 1}: the part with the number ${at * 7} fits.`)],
  );
  const { parts, pages: count, emptyPages } = await read(pdfOf(pages), 'book.pdf');
  t.same([count, emptyPages], [300, 3]);
  const text = parts.map((part) => part.text).join('\n');
  for (const at of [1, 150, 300]) t.match(text, `Fact ${at}: the part with the number ${(at - 1) * 7} fits.`);
  const of150 = parts.find((part) => part.text.includes('Fact 150:'));
  t.ok(of150?.page && of150.page <= 150 && of150.page > 130, 'the page is that on which the part begins');
});

t.test('what cannot be taken is said in words', async (t) => {
  const refused: [string, string | Uint8Array, RegExp, string?][] = [
    ['nothing', '', /^it is empty$/],
    ['spaces', ' \n\t\n', /^there is no text in it$/],
    ['a scan', pdfOf([null, null]), /no text in it: its 2 pages are pictures/, 'scan.pdf'],
    ['a page', pdfOf([null]), /its page is a picture/, 'scan.pdf'],
    [
      'a password',
      pdfOf([[line('secret')]], { encrypted: true }),
      /it is encrypted: save it without a password/,
      'a.pdf',
    ],
    ['a torn PDF', pdfOf([[line('torn')]]).subarray(0, 60), /it is no whole PDF/, 'a.pdf'],
    ['no PDF', 'Hello', /its name ends in .pdf, and it is no PDF/, 'a.pdf'],
    ['Word', Buffer.from('504b030414000600', 'hex'), /got a zip archive, as files of Word/, 'a.docx'],
    ['a picture', Buffer.from('89504e470d0a1a0a00', 'hex'), /got a picture \(PNG\)/, 'a.png'],
    ['bytes', Uint8Array.of(1, 2, 0, 4), /bytes that are no text/],
    ['Latin-1', Buffer.from('Gr\xfc\xdfe', 'latin1'), /its text is not UTF-8 \(from byte 2 on\): save it as UTF-8/],
    ['odd UTF-16', Uint8Array.of(0xff, 0xfe, 0x41, 0x00, 0x00, 0xd8), /its text is not UTF-16LE/],
    [
      'a made-up encoding',
      '<html><meta charset="klingon"><p>nuqneH',
      /written in klingon, which is not known/,
      'a.html',
    ],
  ];
  for (const [what, content, words, name] of refused) await t.rejects(read(content, name), { message: words }, what);
});

t.test('text in every encoding that says what it is', async (t) => {
  const mark = (bytes: Buffer, ...bom: number[]) => Buffer.concat([Buffer.from(bom), bytes]);
  const utf16 = Buffer.from('Grüße 你好 🙂', 'utf16le');
  t.same(await shown('Grüße 你好 🙂'), [[null, '', 'Grüße 你好 🙂']]);
  t.same(await shown(mark(Buffer.from('Grüße'), 0xef, 0xbb, 0xbf)), [[null, '', 'Grüße']]);
  t.same(await shown(mark(utf16, 0xff, 0xfe)), [[null, '', 'Grüße 你好 🙂']]);
  t.same(await shown(mark(Buffer.from(utf16).swap16(), 0xfe, 0xff)), [[null, '', 'Grüße 你好 🙂']]);
  const page = Buffer.from('<html><head><meta charset="windows-1252"></head><p>Gr\xfc\xdfe', 'latin1');
  t.same(await shown(page, 'a.html'), [[null, '', 'Grüße']]);
});

t.test('HTML: what a reader sees, and nothing that runs', async (t) => {
  const page = `<!doctype html><title>Pump</title><style>p{}</style><nav>Home</nav>
    <h1>Pump &amp; valve</h1><p>It <b>hums</b>.<br>Quietly<script>alert('x')</script>.</p>
    <p hidden>unseen</p><ul><li>One<li>Two</ul><h2>Codes</h2><table><tr><th>Code<th>Means<tr><td>E4<td>heat</table>
    <pre>a
  b</pre><h2>End</h2><p>Bye`;
  t.same(await shown(page, 'a.html'), [
    [null, 'Pump & valve', 'Pump & valve\nIt hums.\nQuietly.\n- One\n- Two'],
    [null, 'Pump & valve › Codes', 'Pump & valve › Codes\nCode | Means\nE4 | heat\na\n  b'],
    [null, 'Pump & valve › End', 'Pump & valve › End\nBye'],
  ]);
  t.equal((await read(page, 'page')).type, 'html', 'also where its name does not say so');
  const deep = `<html>${'<div>'.repeat(20_000)}deep`;
  t.same(await shown(deep, 'a.html'), [[null, '', 'deep']], 'however deep it is nested');
});

t.test('Markdown: headings of both forms; code, front matter and links', async (t) => {
  const text =
    '---\ntitle: x\n---\n# House\n\nThe [key](http://x/y) is here.\n\n<!-- no -->\nCellar\n------\n\n```sh\n# no heading\n```\n\n### Pump\nBlue.';
  t.same(await shown(text, 'a.md'), [
    [null, 'House', 'House\nThe key is here.'],
    [null, 'House › Cellar', 'House › Cellar\n```sh\n# no heading\n```'],
    [null, 'House › Cellar › Pump', 'House › Cellar › Pump\nBlue.'],
  ]);
  t.same(await shown('# Only this', 'a.md'), [[null, '', '# Only this']]);
});

t.test('parts: sentences stay whole in any script, nothing is lost, and a memory has room for each', async (t) => {
  const scripts: [string, string][] = [
    ['English', 'The valve opens slowly when the pump is warm. '],
    ['Chinese', '水泵温热时阀门会缓慢打开。'],
    ['Japanese', 'ポンプが温かいとき、弁はゆっくり開きます。'],
    ['Thai', 'วาล์วจะเปิดช้าเมื่อปั๊มอุ่น '],
    ['Arabic', 'يفتح الصمام ببطء عندما تكون المضخة دافئة. '],
    ['emoji', '👩‍👩‍👧‍👦🙂 '],
  ];
  const bare = (text: string) => text.replace(/\s/g, '');
  for (const [script, sentence] of scripts) {
    const text = sentence.repeat(120);
    const { parts } = await read(text);
    t.ok(parts.length > 1, script);
    t.equal(bare(parts.map((part) => part.text).join('')), bare(text), `${script}: nothing is lost`);
    for (const part of parts) t.ok(Buffer.byteLength(part.text) <= maxMemoryTextBytes);
    if (script === 'Thai' || script === 'emoji') continue;
    for (const part of parts) t.ok(bare(part.text).endsWith(bare(sentence)), `${script}: it ends with a sentence`);
  }
  const { parts } = await read('x'.repeat(5_000));
  t.equal(parts.map((part) => part.text).join(''), 'x'.repeat(5_000), 'a word that has no end');
});
