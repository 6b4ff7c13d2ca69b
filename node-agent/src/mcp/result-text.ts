// The result of an MCP tool as a text for the model. Pictures and sounds are named and not passed on. In: what the server sent. Out: text; null:
// it is no result.
import { maxResultChars } from './limits.ts';

interface Part {
  type?: unknown;
  text?: unknown;
  uri?: unknown;
  data?: unknown;
  mimeType?: unknown;
  resource?: { uri?: unknown; text?: unknown };
}

export function textOf(result: unknown): string | null {
  const { content, structuredContent, isError } = (result ?? {}) as Record<string, unknown>;
  if (content !== undefined && !Array.isArray(content)) return null;
  if (content === undefined && structuredContent === undefined) return null;
  const texts = ((content ?? []) as Part[]).map(partText);
  if (texts.includes(null)) return null;
  const said = texts.join('\n').trim();
  const whole = said === '' && structuredContent !== undefined ? JSON.stringify(structuredContent) : said;
  const text = whole === '' ? 'It is done; there is nothing to say.' : cut(whole);
  return isError === true ? `It failed: ${text}` : text;
}

function partText(part: Part | null): string | null {
  switch (part?.type) {
    case 'text':
      return typeof part.text === 'string' ? part.text : null;
    case 'image':
    case 'audio':
      return `[${part.type}, ${String(part.mimeType).slice(0, 40)}, which is not shown here]`;
    case 'resource_link':
      return String(part.uri).slice(0, 500);
    case 'resource':
      return typeof part.resource?.text === 'string'
        ? part.resource.text
        : `[${String(part.resource?.uri).slice(0, 500)}]`;
    default:
      return null;
  }
}

function cut(text: string): string {
  return text.length <= maxResultChars ? text : `${text.slice(0, maxResultChars).toWellFormed()}\n(cut)`;
}
