// biome-ignore-all lint/suspicious/noArrayIndexKey: the parts of a text have no names and only ever follow one another
// An answer as it was meant: headings, lists, tables, code with a way to copy it. Elements are made of the kinds of markdown-tree.ts alone.
import { memo, type ReactNode } from 'react';
import { CopyButton } from './copy-button.tsx';
import { type Block, type Inline, readMarkdown } from './markdown-tree.ts';

export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return <div className="markdown">{blocks(readMarkdown(text))}</div>;
});

const blocks = (all: readonly Block[]): ReactNode[] => all.map((each, i) => <OneBlock key={i} block={each} />);
const inlines = (all: readonly Inline[]): ReactNode[] => all.map((each, i) => <OneInline key={i} inline={each} />);

function OneBlock({ block }: { block: Block }) {
  switch (block.kind) {
    case 'paragraph':
      return <p>{inlines(block.of)}</p>;
    case 'heading': {
      // The page has its own heading of the first rank.
      const Heading = `h${Math.min(6, block.depth + 1)}` as 'h2';
      return <Heading>{inlines(block.of)}</Heading>;
    }
    case 'code':
      return <Code {...block} />;
    case 'quote':
      return <blockquote>{blocks(block.of)}</blockquote>;
    case 'list':
      return <List {...block} />;
    case 'table':
      return <Table {...block} />;
    case 'rule':
      return <hr />;
  }
}
function OneInline({ inline }: { inline: Inline }) {
  switch (inline.kind) {
    case 'text':
      return inline.text;
    case 'break':
      return <br />;
    case 'code':
      return <code>{inline.text}</code>;
    case 'strong':
      return <strong>{inlines(inline.of)}</strong>;
    case 'em':
      return <em>{inlines(inline.of)}</em>;
    case 'strike':
      return <s>{inlines(inline.of)}</s>;
    case 'link':
      return (
        <a href={inline.href} target="_blank" rel="noopener noreferrer">
          {inlines(inline.of)}
        </a>
      );
  }
}

function Code({ language, text }: Extract<Block, { kind: 'code' }>) {
  return (
    <figure className="markdown-code">
      <figcaption className="row small dim">
        <span className="grow">{language || 'text'}</span>
        <CopyButton text={text} label="Copy the code" />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys */}
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
    </figure>
  );
}
function List({ start, items }: Extract<Block, { kind: 'list' }>) {
  const rows = items.map(({ checked, of }, i) => (
    <li key={i} className={checked === null ? undefined : 'markdown-task'}>
      {checked !== null && <span aria-hidden="true">{checked ? '☑' : '☐'}</span>}
      {checked !== null && <span className="sr-only">{checked ? 'done: ' : 'open: '}</span>}
      {/* A list of short points reads as one: its points are no paragraphs. */}
      {of.map((block, at) =>
        block.kind === 'paragraph' && of.length === 1 ? (
          <span key={at}>{inlines(block.of)}</span>
        ) : (
          <OneBlock key={at} block={block} />
        ),
      )}
    </li>
  ));
  return start === null ? <ul>{rows}</ul> : <ol start={start}>{rows}</ol>;
}
function Table({ head, rows, align }: Extract<Block, { kind: 'table' }>) {
  const side = (at: number) => (align[at] ? { textAlign: align[at] } : undefined);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Table">
      <table className="plain-table">
        <thead>
          <tr>
            {head.map((cell, i) => (
              <th key={i} scope="col" style={side(i)}>
                {inlines(cell)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              {row.map((cell, at) => (
                <td key={at} style={side(at)}>
                  {inlines(cell)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
