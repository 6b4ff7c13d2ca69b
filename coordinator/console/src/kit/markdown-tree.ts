// The text of an agent, read as Markdown into a tree of plain values: the page builds its elements from these kinds and no other, so that
// nothing from a model becomes markup. HTML stays text, and an address is a link only when it leads to the web or to a mailbox. Pure.
import { type MarkedToken, marked, type Token } from 'marked';

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'break' }
  | { kind: 'strong' | 'em' | 'strike'; of: Inline[] }
  | { kind: 'link'; href: string; of: Inline[] };
export type Block =
  | { kind: 'paragraph'; of: Inline[] }
  | { kind: 'heading'; depth: number; of: Inline[] }
  | { kind: 'code'; language: string; text: string }
  | { kind: 'list'; start: number | null; items: { checked: boolean | null; of: Block[] }[] }
  | { kind: 'quote'; of: Block[] }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][]; align: ('left' | 'center' | 'right' | null)[] }
  | { kind: 'rule' };

/** Longer texts are shown as plain text: to read them as Markdown would block the page. */
const longest = 100_000;
/** Deeper nesting is shown as plain text. */
const deepest = 16;

const plain = (text: string): Inline => ({ kind: 'text', text });
const asWritten = (text: string): Block[] => (text.trim() === '' ? [] : [{ kind: 'paragraph', of: [plain(text)] }]);

export function readMarkdown(text: string): Block[] {
  if (text.length > longest) return asWritten(text);
  try {
    return blocksOf(marked.lexer(text, { gfm: true, breaks: true }), 0);
  } catch {
    return asWritten(text);
  }
}

/** The address if a link may lead there, else null: no scripts, no data, nothing of this page's own origin. */
export function followable(href: string): string | null {
  return /^(https?:\/\/[^/\s]|mailto:[^\s]+@)/i.test(href) ? href : null;
}

function blocksOf(tokens: readonly Token[], depth: number): Block[] {
  return (tokens as MarkedToken[]).flatMap((token): Block[] => {
    if (depth > deepest) return asWritten(token.raw);
    switch (token.type) {
      case 'space':
      case 'def':
        return [];
      case 'hr':
        return [{ kind: 'rule' }];
      case 'heading':
        return [{ kind: 'heading', depth: token.depth, of: inlinesOf(token.tokens, depth + 1) }];
      case 'code':
        return [{ kind: 'code', language: /^[\w+#.-]{1,30}/.exec(token.lang ?? '')?.[0] ?? '', text: token.text }];
      case 'blockquote':
        return [{ kind: 'quote', of: blocksOf(token.tokens, depth + 1) }];
      case 'list': {
        const items = token.items.map(({ task, checked, tokens: of }) => ({
          checked: task ? checked === true : null,
          of: blocksOf(of, depth + 1),
        }));
        return [{ kind: 'list', start: token.ordered ? Number(token.start) || 0 : null, items }];
      }
      case 'table': {
        const cell = ({ tokens: of }: { tokens: Token[] }) => inlinesOf(of, depth + 1);
        return [
          {
            kind: 'table',
            head: token.header.map(cell),
            rows: token.rows.map((row) => row.map(cell)),
            align: token.align,
          },
        ];
      }
      case 'paragraph':
        return [{ kind: 'paragraph', of: inlinesOf(token.tokens, depth + 1) }];
      case 'text':
        return [{ kind: 'paragraph', of: token.tokens ? inlinesOf(token.tokens, depth + 1) : [plain(token.text)] }];
      case 'checkbox':
        return [];
      default:
        return asWritten(token.raw);
    }
  });
}

function inlinesOf(tokens: readonly Token[] | undefined, depth: number): Inline[] {
  return ((tokens ?? []) as MarkedToken[]).flatMap((token): Inline[] => {
    if (depth > deepest) return [plain(token.raw)];
    const of = () => inlinesOf('tokens' in token ? token.tokens : [], depth + 1);
    switch (token.type) {
      case 'br':
        return [{ kind: 'break' }];
      case 'codespan':
        return [{ kind: 'code', text: token.text }];
      case 'strong':
      case 'em':
        return [{ kind: token.type, of: of() }];
      case 'del':
        return [{ kind: 'strike', of: of() }];
      case 'link': {
        const href = followable(token.href);
        return href === null ? [plain(token.raw)] : [{ kind: 'link', href, of: of() }];
      }
      case 'image': {
        // A picture would be loaded from an unknown server by every reader of the answer.
        const href = followable(token.href);
        return href === null ? [plain(token.raw)] : [{ kind: 'link', href, of: [plain(token.text || href)] }];
      }
      case 'escape':
        return [plain(token.text)];
      case 'text':
        return 'tokens' in token && token.tokens ? of() : [plain(token.text)];
      case 'checkbox':
        return [];
      default:
        return [plain(token.raw)];
    }
  });
}
