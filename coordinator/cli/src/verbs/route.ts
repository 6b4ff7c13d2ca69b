// Where a request to a model would be answered, and why: routing explained without a request.
import type { RouteExplained, RoutePlace } from '@blackroad/protocol';
import { argument, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { table, wrapped } from '../words.ts';

/** Refused places shown; most of a large fleet is refused for one reason. */
const maxRefused = 12;

export const routeVerbs: Verb[] = [
  {
    words: 'route explain',
    args: '<model>',
    text: 'Where a request to a model would be answered now, why there and why not elsewhere; nothing is asked. A name, small, medium, large or auto; several with commas are tried in order.',
    flags: {
      prompt: { type: 'string', value: '<tokens>', text: 'How long the prompt is; 500 by default.' },
      answer: { type: 'string', value: '<tokens>', text: 'How long the answer is; 300 by default.' },
      tools: { type: 'boolean', text: 'The request brings tools.' },
      pictures: { type: 'boolean', text: 'The request brings pictures.' },
      embed: { type: 'boolean', text: 'Vectors are wanted, no answer.' },
      as: { type: 'string', value: '<key>', text: 'As with this key, by its id or name: it may pay or not.' },
    },
    async run(call) {
      const key = textFlag(call, 'as');
      const explained = await call.client().call('routeExplain', {
        body: {
          ...(key === undefined ? {} : { key }),
          model: argument(call, 0, '<model>'),
          kind: call.flags.embed ? 'embed' : 'chat',
          ...tokensFlag(call, 'prompt', 'promptTokens'),
          ...tokensFlag(call, 'answer', 'answerTokens'),
          tools: call.flags.tools === true,
          pictures: call.flags.pictures === true,
        },
      });
      call.show(explained, () => screen(explained, call));
    },
  },
];

function tokensFlag(call: VerbCall, flag: string, field: string): Record<string, number> {
  const text = textFlag(call, flag);
  if (text === undefined) return {};
  if (!/^\d{1,7}$/.test(text)) throw wrongUse(`--${flag}: expected a number of tokens, got ${JSON.stringify(text)}.`);
  return { [field]: Number(text) };
}

function screen({ chosen, why, problem, others, refused }: RouteExplained, { columns, paint }: VerbCall): string {
  const lines = [wrapped('', chosen ? why : (problem ?? ''), columns)];
  const places = [...(chosen ? [chosen] : []), ...others];
  if (places.length > 0) {
    const rows = places.map((place, i) => [
      i === 0 && chosen ? paint('bold', place.node) : place.node,
      ...cells(place),
    ]);
    const head = ['NODE', 'CLASS', 'MODEL', 'FIRST', 'DONE', 'TOKENS/S', 'BUSY'];
    lines.push('', table(head, rows, columns, paint));
  }
  if (refused.length > 0) {
    const shown = refused.slice(0, maxRefused).map(({ node, model, text }) => [node, model, text]);
    lines.push('', table(['NOT', 'MODEL', 'BECAUSE'], shown, columns, paint));
    if (refused.length > maxRefused) lines.push(`and ${refused.length - maxRefused} more`);
  }
  return lines.join('\n');
}
function cells({ class: of, model, firstMs, finishMs, tokensPerS, busy, waiting, slots }: RoutePlace): string[] {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const queue = waiting > 0 ? ` +${waiting}` : '';
  return [
    of,
    model,
    seconds(firstMs),
    seconds(finishMs),
    tokensPerS.toFixed(tokensPerS < 10 ? 1 : 0),
    `${busy}/${slots}${queue}`,
  ];
}
