// A fix in plain words, without a command of any terminal. The console, alerts and the API use these; the CLI has words of its own where a
// command does the fix. Only types are imported, so that a browser need not load the validators.
import type { Fix, FixOf, FixSteps } from './fix.ts';
import { labelList, listInWords } from './list-words.ts';
import { bytesInWords } from './quantity-words.ts';

/** `let alice take agents again; then fetch qwen on alice, or set model: [auto]`; empty where no fix is known. */
export function fixInWords(steps: FixSteps, wordsOf: (fix: Fix) => string = plainFix): string {
  return steps.map((ways) => ways.map(wordsOf).join(', or ')).join('; then ');
}

/** A clause that starts with a verb. */
export function plainFix(fix: Fix): string {
  switch (fix.verb) {
    case 'edit-agent':
      return editInWords(fix);
    case 'join-node':
      return joinInWords(fix);
    case 'pull-model':
      return pullInWords(fix);
    case 'serve-model':
      return `serve ${fix.model ?? 'a chat model'} at the runtime of ${fix.node}`;
    case 'start-runtime':
      return `start the model server of ${fix.node} with ${fix.model ?? 'a chat model'}`;
    case 'put-model-file':
      return `put a GGUF file of ${fix.model ?? 'a chat model'} into the models folder of ${fix.node}, which cannot fetch it`;
    case 'uncordon-node':
      return `let ${fix.node} take agents again`;
    case 'end-drain':
      return `end the drain of ${fix.node}`;
    case 'release-node':
      return `release ${fix.node} when it is one machine again`;
    case 'bring-back':
      return `bring ${fix.node} back`;
    case 'free-memory':
      return `free memory on ${fix.node} (fewer agents or other programs there)`;
    case 'free-node':
      return `keep a node free for it: ${fix.node} has agents with other models`;
    case 'mend-disk':
      return `make the disk of ${fix.node} writable again`;
    case 'mend-gpu':
      return `see to the GPU of ${fix.node}; starting the machine anew often helps`;
    case 'mend-model':
      return `see to what fails on ${fix.node}`;
    case 'label-node':
      return `label ${fix.node} ${labelList(fix.labels).join(' ')}`;
    case 'list-pins':
      return `connect ${listInWords(fix.needs)} to ${fix.node} and list it there (--pins)`;
    case 'free-disk':
      return `free ${bytesInWords(fix.bytes)} of disk on ${fix.node} so that it can fetch ${fix.model}`;
    case 'wait':
      return waitInWords(fix);
  }
}

function joinInWords({ why, class: wanted, names, node }: FixOf<'join-node'>): string {
  switch (why) {
    case 'missing': {
      const kind = wanted === null ? '' : ` of class ${wanted}`;
      return `join a machine${kind}${names.length > 0 ? ` as ${listInWords(names, 'or')}` : ''}`;
    }
    case 'full':
      return 'add a node: the one with room has as many agents as a node takes';
    case 'dedicated':
      return `add a node for it: ${node} is dedicated to another model (placement.pool of the agents there)`;
    case 'booked-out':
      return `add a node with a model it wants: ${node} is booked out`;
    case 'avoided':
      return 'add a node that could take it';
  }
}
function pullInWords({ node, model, isAny }: FixOf<'pull-model'>): string {
  if (!isAny && model !== null) return `fetch ${model} on ${node}`;
  return `fetch a chat model on ${node}${model === null ? '' : `, for example ${model}`}`;
}
function waitInWords({ for: what, node }: FixOf<'wait'>): string {
  switch (what) {
    case 'report':
      return `wait until ${node} has reported after the coordinator's start`;
    case 'capacity':
      return `wait until ${node} has reported its capacity`;
    case 'retry':
      return 'wait until it is tried again';
    case 'placement':
      return 'wait: a place is being looked for';
  }
}
function editInWords({ field, change, values, node }: FixOf<'edit-agent'>): string {
  const said = values.map(String);
  const [first = ''] = said;
  switch (field) {
    case 'model':
      if (change === 'set') return `set model: [${said.join(', ')}]`;
      if (change === 'lower') return `name a smaller model than ${listInWords(said, 'or')}, which fits ${node}`;
      return `name a chat model in place of ${listInWords(said, 'or')}, which makes embeddings`;
    case 'placement.nodes':
      return 'name nodes that exist in placement.nodes';
    case 'placement.class':
      return `allow class ${first}: add ${first} to placement.class`;
    case 'placement.site':
      return first === ''
        ? `allow ${node}, which has no site: add "" to placement.site`
        : `allow site ${first}: add ${first} to placement.site`;
    case 'placement.simulated':
      return `set placement.simulated: ${first} to let it run on simulated nodes (their answers are made up)`;
    case 'placement.labels':
      return `take ${listInWords(said)} out of placement.labels`;
    case 'placement.maxPricePerMillionTokens':
      return `raise placement.maxPricePerMillionTokens to ${first} for ${node}`;
    case 'placement.avoidAgents':
      return `take the other's name out of placement.avoidAgents (of this agent and of ${first})`;
    case 'onLoss.policy':
      return `set onLoss.policy: ${first}, and it is placed elsewhere when its node is lost`;
    case 'placement.pool':
      return `set placement.pool: ${first}`;
    case 'limits.contextTokens':
      return `lower limits.contextTokens (${first}) so that it fits ${node}`;
    case 'concurrency':
      return `lower concurrency (${first}) so that it fits ${node}`;
    case 'load.tokensPerMinute':
      return `lower load.tokensPerMinute (${first})`;
  }
}
