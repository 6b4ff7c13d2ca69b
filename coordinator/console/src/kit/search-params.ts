// The parameters of a page's address: their names, and the texts that each may have. All of them are text there. A text that a parameter
// may not have counts as not given: the address may be of another version, or typed by hand. Pure.

/** Reads one parameter; undefined where it may not be this text. */
type SearchParam<Value extends string> = (text: string) => Value | undefined;
export type SearchParams = Readonly<Record<string, SearchParam<string>>>;
type Search<Params extends SearchParams> = {
  [Name in keyof Params]?: ReturnType<Params[Name]>;
};

export const anyText: SearchParam<string> = (text) => text;
export const oneOf =
  <const Words extends readonly string[]>(...words: Words): SearchParam<Words[number]> =>
  (text) =>
    words.find((word) => word === text);

/** The parameters of every page with a table: the search, and the order of the rows. */
export const ofTables = { q: anyText, sort: anyText };

/** Every parameter of the page, undefined where it is not given or not one of its words; others are left out. */
export function readSearch<Params extends SearchParams>(
  params: Params,
  given: Readonly<Record<string, unknown>>,
): Search<Params> {
  return Object.fromEntries(
    Object.entries(params).map(([name, read]) => {
      const text = given[name];
      return [name, typeof text === 'string' ? read(text) : undefined];
    }),
  ) as Search<Params>;
}
