// The conditions of a what-if: losses, drains, additions; as text for the page's address, in words, and as the request of the API. Pure.
import type { AgentSpec, NodeSelector, WhatIfRequest } from '@blackroad/protocol';

export type By = 'site' | 'class' | 'node';
export type Condition =
  | { verb: 'lose' | 'drain'; by: By; value: string }
  | { verb: 'add'; count: number; from: 'agent' | 'template'; value: string };
const maxCount = 100_000;

/** `lose:site=home;add:20*agent=alice`: what a person can read in the address and send to another. */
export function printConditions(conditions: readonly Condition[]): string {
  return conditions
    .map((each) => {
      const value = encodeURIComponent(each.value);
      return each.verb === 'add' ? `add:${each.count}*${each.from}=${value}` : `${each.verb}:${each.by}=${value}`;
    })
    .join(';');
}
/** What cannot be read is left out: an address may be of another version. */
export function readConditions(text: string): Condition[] {
  return text.split(';').flatMap((piece): Condition[] => {
    const nodes = /^(lose|drain):(site|class|node)=(.+)$/.exec(piece);
    const agents = /^add:(\d{1,6})\*(agent|template)=(.+)$/.exec(piece);
    try {
      if (nodes) {
        const [, verb, by, value] = nodes as unknown as [string, 'lose' | 'drain', By, string];
        return [{ verb, by, value: decodeURIComponent(value) }];
      }
      if (agents) {
        const [, count, from, value] = agents as unknown as [string, string, 'agent' | 'template', string];
        const many = Math.min(maxCount, Math.max(1, Number(count)));
        return [{ verb: 'add', count: many, from, value: decodeURIComponent(value) }];
      }
    } catch {}
    return [];
  });
}
export function inWords(condition: Condition): string {
  if (condition.verb === 'add') {
    const { count, from, value } = condition;
    const agents = `${count.toLocaleString('en')} more ${count === 1 ? 'agent' : 'agents'}`;
    return from === 'agent' ? `${agents} like ${value}` : `${agents} of the template ${value}`;
  }
  const { verb, by, value } = condition;
  const what = by === 'node' ? value : by === 'site' ? `the site ${value}` : `every ${value}`;
  return verb === 'lose' ? `${what} is lost` : `${what} is drained`;
}
const selector = ({ by, value }: { by: By; value: string }): NodeSelector => ({ [by]: value });

export function losing(conditions: readonly Condition[]): NodeSelector[] {
  return conditions.flatMap((each) => (each.verb === 'lose' ? [selector(each)] : []));
}
/** `specOf` gives the spec of an agent or template. */
export async function questionOf(
  conditions: readonly Condition[],
  specOf: (from: 'agent' | 'template', name: string) => Promise<AgentSpec>,
): Promise<WhatIfRequest> {
  const question: WhatIfRequest = { add: [], lose: losing(conditions), drain: [] };
  for (const each of conditions) {
    if (each.verb === 'drain') question.drain.push(selector(each));
    if (each.verb === 'add') question.add.push({ spec: await specOf(each.from, each.value), count: each.count });
  }
  return question;
}
