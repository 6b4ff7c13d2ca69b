// All verbs of the CLI in the order in which help shows them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { completionScript, completions } from './completion.ts';
import { argument, type Verb, type VerbCall } from './verb.ts';
import { accessVerbs } from './verbs/access.ts';
import { agentVerbs } from './verbs/agents.ts';
import { backupVerbs } from './verbs/backups.ts';
import { balenaVerbs } from './verbs/balena.ts';
import { batchVerbs } from './verbs/batches.ts';
import { cacheVerbs } from './verbs/cache.ts';
import { conversationVerbs } from './verbs/conversations.ts';
import { documentVerbs } from './verbs/documents.ts';
import { imageVerbs } from './verbs/images.ts';
import { integrationVerbs } from './verbs/integrations.ts';
import { localVerbs } from './verbs/local.ts';
import { mcpVerbs } from './verbs/mcp.ts';
import { memoryVerbs } from './verbs/memory.ts';
import { memoryConsolidateVerbs } from './verbs/memory-consolidate.ts';
import { memoryEraseVerbs } from './verbs/memory-erase.ts';
import { memoryFileVerbs } from './verbs/memory-file.ts';
import { memoryValueVerbs } from './verbs/memory-values.ts';
import { modelVerbs } from './verbs/models.ts';
import { nodeVerbs } from './verbs/nodes.ts';
import { objectVerbs } from './verbs/objects.ts';
import { planVerbs } from './verbs/plan.ts';
import { releaseVerbs } from './verbs/releases.ts';
import { rolloutVerbs } from './verbs/rollouts.ts';
import { routeVerbs } from './verbs/route.ts';
import { upgradeVerbs } from './verbs/upgrade.ts';
import { usageVerbs } from './verbs/usage.ts';
import { webhookVerbs } from './verbs/webhooks.ts';
import { workVerbs } from './verbs/work.ts';

const shellVerbs: Verb[] = [
  {
    words: 'version',
    args: '',
    text: 'Prints the version of this project and of Node.',
    async run(call) {
      const { version } = JSON.parse(readFileSync(join(call.root, 'package.json'), 'utf8')) as { version: string };
      call.show(
        { version, node: process.versions.node },
        () => `BlackRoad Fleet ${version}, Node ${process.versions.node}`,
      );
    },
  },
  {
    words: 'completion',
    args: '<shell>',
    text: 'Prints shell completion; bash and zsh: source <(bin/fleet completion bash).',
    async run(call) {
      const script = completionScript(argument(call, 0, '<shell>'));
      call.show(script, () => script.trimEnd());
    },
  },
  {
    words: 'complete',
    args: '<word...>',
    text: 'What may come next; the completion scripts call it.',
    async run(call) {
      const found = await completions(call.args, verbs, (what) => namesOf(call, what));
      call.show(found, () => found.join('\n'));
    },
  },
];

async function namesOf(call: VerbCall, what: NonNullable<Verb['completes']>): Promise<string[]> {
  const client = call.client();
  if (what === 'nodes') return (await client.call('nodes')).map(({ id }) => id);
  if (what === 'agents') return (await client.call('agents')).map(({ name }) => name);
  if (what === 'batches') return (await client.call('batches')).map(({ id }) => id);
  if (what === 'models') return (await client.call('catalogue')).models.map(({ name }) => name);
  if (what === 'webhooks') return (await client.call('webhooks')).map(({ name }) => name);
  if (what === 'rollouts') return (await client.call('rollouts')).map(({ id }) => id);
  return (await client.call('tasks', { query: { limit: 50 } })).map(({ id }) => id);
}

export const verbs: Verb[] = [
  ...workVerbs.slice(0, 1),
  ...localVerbs,
  ...nodeVerbs,
  ...cacheVerbs,
  ...integrationVerbs,
  ...webhookVerbs,
  ...modelVerbs,
  ...rolloutVerbs,
  ...agentVerbs,
  ...conversationVerbs,
  ...planVerbs,
  ...routeVerbs,
  ...batchVerbs,
  ...workVerbs.slice(1, -1),
  ...memoryVerbs,
  ...memoryValueVerbs,
  ...memoryFileVerbs,
  ...memoryEraseVerbs,
  ...memoryConsolidateVerbs,
  ...documentVerbs,
  ...workVerbs.slice(-1),
  ...releaseVerbs,
  ...imageVerbs,
  ...balenaVerbs,
  ...upgradeVerbs,
  ...accessVerbs,
  ...mcpVerbs,
  ...usageVerbs,
  ...backupVerbs,
  ...objectVerbs,
  ...shellVerbs,
];
