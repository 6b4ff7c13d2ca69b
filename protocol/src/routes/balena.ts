// Routes of balena fleets.
import { BalenaDevices, BalenaFleet, BalenaImport, BalenaImported, BalenaView } from '../balena.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

export const balenaRoutes = {
  balena: route({
    method: 'GET',
    path: '/v1/balena',
    needs: 'nodes:read',
    text: 'The balena fleets that the coordinator looks after, and whether balena answers.',
    answer: BalenaView,
  }),
  balenaDevices: route({
    method: 'GET',
    path: '/v1/balena/devices',
    needs: 'nodes:read',
    text: 'The devices of a balena fleet, and which nodes they are or would be. Asks balena; nothing is changed.',
    query: Type.Object({ fleet: BalenaFleet }),
    answer: BalenaDevices,
  }),
  balenaImport: route({
    method: 'POST',
    path: '/v1/balena/import',
    needs: 'tokens:write',
    text: 'Makes devices nodes-to-be: each gets a join token of its own and a name as variables, and a tag. What was done before is not done again.',
    body: BalenaImport,
    answer: BalenaImported,
  }),
};
