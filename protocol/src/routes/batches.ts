// Routes of batches for people: what is under way on the machines of the fleet, and an end to it. Programs order them by OpenAI's routes.
import { BatchView } from '../batch.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

const params = Type.Object({ batch: Type.String({ maxLength: 80 }) });

export const batchRoutes = {
  batches: route({
    method: 'GET',
    path: '/v1/fleet/batches',
    needs: 'models:ask',
    text: 'The newest batches of the same key, at most 1,000; of every key with `tasks:write`, without what they ask and answer.',
    answer: Type.Array(BatchView),
  }),
  batch: route({
    method: 'GET',
    path: '/v1/fleet/batches/:batch',
    needs: 'models:ask',
    text: 'One of them.',
    params,
    answer: BatchView,
  }),
  batchEnd: route({
    method: 'POST',
    path: '/v1/fleet/batches/:batch/cancel',
    needs: 'models:ask',
    text: 'Cancels a batch of the same key; that of another key with `tasks:write`. What is answered is kept.',
    params,
    answer: BatchView,
  }),
};
