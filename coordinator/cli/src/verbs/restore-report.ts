// What a restored coordinator has heard from its nodes since, in words.
import { counted, type RestoreReport } from '@blackroad/protocol';
import type { VerbCall } from '../verb.ts';

const minuteOf = (ms: number) => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

function block(title: string, rows: readonly string[]): string[] {
  return rows.length === 0 ? [] : ['', title, ...rows.map((row) => `  ${row}`)];
}

function reportWords({ restored, agents, nodes, memories, silent }: RestoreReport, call: VerbCall): string {
  if (!restored) return 'This coordinator was never restored from a backup.';
  const { backupMs, restoredMs, tasks } = restored;
  const open = agents.filter(({ isBack }) => !isBack);
  const out = nodes.filter(({ isIn }) => !isIn);
  return [
    `Restored at ${minuteOf(restoredMs)} from the backup of ${minuteOf(backupMs)}.`,
    ...block('Came back from nodes:', [
      ...memories.map(
        ({ agent, node, entries }) => `${counted(entries, 'memory', 'memories')} of ${agent}, from ${node}`,
      ),
      ...agents.filter(({ isBack }) => isBack).map(({ name, version }) => `the agent ${name}, version ${version}`),
      ...nodes.filter(({ isIn }) => isIn).map(({ node }) => `the node ${node}`),
    ]),
    ...block(
      `Agents that nodes have and the backup has not, or has older (${call.as.fleet('restore agent <name>')} brings one back):`,
      open.map(
        ({ name, node, version, isKnown }) =>
          `${name}, version ${version} on ${node}${isKnown ? ': the backup has an older version' : ''}`,
      ),
    ),
    ...block(
      `Machines with a certificate of this fleet that joined since (${call.as.fleet('restore node <node>')} lets one in):`,
      out.map(({ node }) => node),
    ),
    ...block('Not heard of since, so what they have is not here yet:', silent.length > 0 ? [silent.join(', ')] : []),
    ...block('Lost, or as at the time of the backup:', [
      ...(tasks > 0
        ? [
            `${counted(tasks, 'task')} had not ended in the backup and may have been done since: they are among the failed tasks (${call.as.fleet('tasks --dead')})`,
          ]
        : []),
      'tasks that were asked since, with their answers; events, usage and the audit log since',
      'keys, join tokens and pins made since are gone; those revoked, used or removed since are valid again: see keys and join tokens',
      'nodes forgotten since are nodes again; labels, sites and budgets are those of then',
    ]),
  ].join('\n');
}

export async function showReport(call: VerbCall): Promise<void> {
  const report = await call.client().call('restoreReport');
  call.show(report, () => reportWords(report, call));
}
