// What a model may write: lists, code and tables are read, and nothing of it can become markup, a script or an address of this page.
import t from 'tap';
import { type Block, followable, readMarkdown } from './markdown-tree.ts';

const text = (words: string) => ({ kind: 'text' as const, text: words });

t.test('what people expect of an answer', async (t) => {
  t.same(readMarkdown('Hello **there**, `x < 1`'), [
    {
      kind: 'paragraph',
      of: [text('Hello '), { kind: 'strong', of: [text('there')] }, text(', '), { kind: 'code', text: 'x < 1' }],
    },
  ]);
  t.same(readMarkdown('```python title\nprint("<b>")\n```'), [
    { kind: 'code', language: 'python', text: 'print("<b>")' },
  ]);
  t.same(readMarkdown('```\nstill being writ'), [{ kind: 'code', language: '', text: 'still being writ' }]);
  t.match(readMarkdown('3. three\n4. four'), [
    { kind: 'list', start: 3, items: [{ checked: null }, { checked: null }] },
  ]);
  t.match(readMarkdown('- [x] done\n- [ ] open'), [
    { kind: 'list', start: null, items: [{ checked: true }, { checked: false }] },
  ]);
  t.same(readMarkdown('|a|b|\n|--|--:|\n|1|2|'), [
    { kind: 'table', head: [[text('a')], [text('b')]], rows: [[[text('1')], [text('2')]]], align: [null, 'right'] },
  ]);
  t.same(readMarkdown('one\ntwo'), [{ kind: 'paragraph', of: [text('one'), { kind: 'break' }, text('two')] }]);
  t.same(readMarkdown(''), []);
});

/** All texts of a tree, and all addresses. */
function leaves(value: unknown): { texts: string[]; hrefs: string[]; kinds: Set<string> } {
  const found = { texts: [] as string[], hrefs: [] as string[], kinds: new Set<string>() };
  const walk = (each: unknown): void => {
    if (typeof each !== 'object' || each === null) return;
    const { kind, text: words, href } = each as { kind?: string; text?: string; href?: string };
    if (kind) found.kinds.add(kind);
    if (words !== undefined) found.texts.push(words);
    if (href !== undefined) found.hrefs.push(href);
    for (const inner of Object.values(each)) walk(inner);
  };
  walk(value);
  return found;
}
const kinds = new Set('text code break strong em strike link paragraph heading list quote table rule'.split(' '));

t.test('HTML stays text, and no address but of the web is a link', async (t) => {
  for (const html of [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    'a <b onclick="x()">b</b>',
    '<style>*{}</style>',
  ]) {
    const { texts, hrefs } = leaves(readMarkdown(html));
    t.equal(texts.join('').replaceAll('\n', ''), html, 'as it was written');
    t.same(hrefs, []);
  }
  for (const href of [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'data:text/html,x',
    '/v1/keys',
    '//evil',
    'http:',
    'vbscript:x',
    '#code=x',
    'file:///etc/passwd',
  ]) {
    t.equal(followable(href), null, href);
    t.same(leaves(readMarkdown(`[x](${href}) ![y](${href}) <${href}>`)).hrefs, [], href);
  }
  t.equal(followable('https://example.org/a?b#c'), 'https://example.org/a?b#c');
  t.same(leaves(readMarkdown('![cat](https://example.org/cat.png)')).hrefs, ['https://example.org/cat.png']);
  t.notOk(leaves(readMarkdown('![cat](https://example.org/cat.png)')).kinds.has('image'), 'no picture is fetched');
});

t.test('what is absurd is shown as it is', async (t) => {
  const deep = `${'> '.repeat(400)}x`;
  const long = 'a*'.repeat(60_000);
  const { texts, kinds: found } = leaves(readMarkdown(deep));
  t.match(texts.join(''), 'x');
  t.ok([...found].every((kind) => kinds.has(kind)));
  t.same(readMarkdown(long), [{ kind: 'paragraph', of: [text(long)] }] satisfies Block[]);
});
