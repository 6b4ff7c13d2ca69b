// What if: asks the coordinator's placement about a supposed fleet. The real one does not change.
import type { NodeSelector, WhatIfRequest } from '@blackroad/protocol';
import { planScreen } from '../plan-screen.ts';
import { readAgents } from '../read-agents.ts';
import { textsFlag, type Verb, wrongUse } from '../verb.ts';

/** `500xagent.yaml`: every agent of the file, 500 times. */
function added(text: string): WhatIfRequest['add'] {
  const [, count = '1', file = text] = /^(\d+)x(.+)$/.exec(text) ?? [];
  if (file === '')
    throw wrongUse('--add: expected a file, or a count, an x and a file as in 500xagent.yaml, got nothing.');
  if (Number(count) < 1) throw wrongUse(`--add: expected a count of at least 1, got ${JSON.stringify(text)}.`);
  return readAgents(file, '--add').map((spec) => ({ spec, count: Number(count) }));
}

const selectorText = 'node=<id>, site=<name>, class=<name> or label=<name>=<value>; with commas all must hold';
/** `site=garage`, `class=pi,label=room=attic`. A comma separates only before another selector: the name of a site may contain one. */
export function selectorOf(flag: string, text: string): NodeSelector {
  const selector: NodeSelector = {};
  for (const piece of text.split(/,(?=(?:node|site|class|label)=)/)) {
    const [, key, value = ''] = /^(node|site|class|label)=(.+)$/s.exec(piece) ?? [];
    const at = value.indexOf('=');
    if (key === 'node' || key === 'site' || key === 'class') selector[key] = value;
    else if (key === 'label' && at > 0)
      selector.labels = { ...selector.labels, [value.slice(0, at)]: value.slice(at + 1) };
    else throw wrongUse(`--${flag}: expected ${selectorText}; got ${JSON.stringify(piece)}.`);
  }
  return selector;
}

export const planVerbs: Verb[] = [
  {
    words: 'plan',
    args: '',
    text: 'What placement would do if agents were added, or nodes lost or drained; nothing is changed.',
    flags: {
      add: {
        type: 'string',
        many: true,
        value: '<[count x]file>',
        text: 'Agents of a file (`-` is standard input), with a count before it: 500xagent.yaml. May be given again.',
      },
      lose: {
        type: 'string',
        many: true,
        value: '<nodes>',
        text: `Nodes that are lost for good: ${selectorText}. May be given again.`,
      },
      drain: {
        type: 'string',
        many: true,
        value: '<nodes>',
        text: 'Nodes that are drained, named in the same way. May be given again.',
      },
    },
    async run(call) {
      const body: WhatIfRequest = {
        add: textsFlag(call, 'add').flatMap(added),
        lose: textsFlag(call, 'lose').map((text) => selectorOf('lose', text)),
        drain: textsFlag(call, 'drain').map((text) => selectorOf('drain', text)),
      };
      if (body.add.length + body.lose.length + body.drain.length === 0)
        throw wrongUse(
          `--add, --lose or --drain is missing, as in: ${call.as.fleet('plan --add 500xagent.yaml --lose site=garage')}`,
        );
      const plan = await call.client().call('whatIf', { body });
      call.show(plan, () => planScreen(plan, call));
    },
  },
];
