// The texts of an answer of S3, which is XML. In: the document. Out: the texts of the named elements, in their order, each with the number of the
// element of `row` that it stands in.
import { Parser } from 'htmlparser2';

export function xmlTexts(
  xml: string,
  names: readonly string[],
  row = '',
): { name: string; text: string; row: number }[] {
  const found: { name: string; text: string; row: number }[] = [];
  let rows = 0;
  let open: string | null = null;
  let text = '';
  const parser = new Parser(
    {
      onopentag(name) {
        if (name === row) rows++;
        open = names.includes(name) ? name : null;
        text = '';
      },
      ontext(piece) {
        if (open !== null) text += piece;
      },
      onclosetag(name) {
        if (name === open) found.push({ name, text, row: rows });
        open = null;
      },
    },
    { xmlMode: true, decodeEntities: true },
  );
  parser.end(xml);
  return found;
}
