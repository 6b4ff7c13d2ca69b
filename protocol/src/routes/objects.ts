// The route of objects: where large content lies. The name of a bucket is for admins.
import { ObjectsView } from '../objects.ts';
import { route } from './row.ts';

export const objectRoutes = {
  objects: route({
    method: 'GET',
    path: '/v1/objects',
    needs: 'backups:read',
    text: 'Where the files of documents and other large content lie, what is on its way, and whether the object store answers.',
    answer: ObjectsView,
  }),
};
