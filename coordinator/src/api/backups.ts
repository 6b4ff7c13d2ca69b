// Backups: which there are, making one, fetching and removing its file. Each of these but the list is audited.
import { createReadStream } from 'node:fs';
import { FleetError, type Principal } from '@blackroad/protocol';
import type { ApiContext } from '../http/context.ts';
import { answered, type Handlers } from '../http/handler.ts';

function backupsOf({ backups }: ApiContext) {
  if (backups) return backups;
  throw new FleetError('conflict', { detail: 'This coordinator makes no backups.' });
}

async function audited(
  { coordinator }: ApiContext,
  by: Principal,
  action: 'backup-create' | 'backup-fetch' | 'backup-delete',
  backup: string,
): Promise<void> {
  await coordinator.submit('audit', { by, action, params: { backup } });
}

export const backupHandlers = {
  backups: ({ context }) => backupsOf(context).view(),
  async backupCreate({ context, body, by }) {
    const backups = backupsOf(context);
    const name = await backups.begin(body.age ? { recipients: body.age } : {});
    // A small one has ended before its audit row is stored.
    const begun = backups.view();
    await audited(context, by, 'backup-create', name);
    return begun;
  },
  async backupContent({ context, params: { backup }, by, reply }) {
    const { path, bytes } = backupsOf(context).pathOf(backup);
    await audited(context, by, 'backup-fetch', backup);
    reply
      .type('application/octet-stream')
      .header('content-length', bytes)
      .header('content-disposition', `attachment; filename="${backup}"`)
      .send(createReadStream(path));
    return answered;
  },
  async backupDelete({ context, params: { backup }, by }) {
    await backupsOf(context).remove(backup);
    await audited(context, by, 'backup-delete', backup);
  },
} satisfies Partial<Handlers>;
