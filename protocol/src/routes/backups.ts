// Routes of backups. A backup has the keys of the fleet's CA: only admins make, see and fetch them.
import { BackupName, BackupRequest, BackupsView } from '../backup.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

const params = Type.Object({ backup: BackupName });

export const backupRoutes = {
  backups: route({
    method: 'GET',
    path: '/v1/backups',
    needs: 'backups:read',
    text: 'Backups of the coordinator: those in its folder, the last one, the next one.',
    answer: BackupsView,
  }),
  backupCreate: route({
    method: 'POST',
    path: '/v1/backups',
    needs: 'backups:write',
    text: 'Begins a backup; `underWay` names it until it is in the list, `failed` says why it is not. One at a time.',
    body: BackupRequest,
    answer: BackupsView,
  }),
  backupContent: route({
    method: 'GET',
    path: '/v1/backups/:backup/content',
    needs: 'backups:read',
    text: 'The file of a backup.',
    params,
  }),
  backupDelete: route({
    method: 'DELETE',
    path: '/v1/backups/:backup',
    needs: 'backups:write',
    text: 'Removes the file of a backup.',
    params,
  }),
};
