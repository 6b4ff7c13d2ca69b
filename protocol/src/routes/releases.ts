// Routes of releases: what the coordinator keeps for its nodes. Nodes and machines that are about to join may read them, too.
import { Fingerprint } from '../ids.ts';
import { maxReleaseBytes } from '../limits.ts';
import { opened } from '../open.ts';
import { RefusedInstall, Release, ReleaseList, ReleaseQuery } from '../release.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

const params = Type.Object({ release: Fingerprint });

export const releaseRoutes = {
  releases: route({
    method: 'GET',
    path: '/v1/releases',
    needs: 'releases:read',
    machines: true,
    text: 'Releases that the coordinator keeps, and the keys that it trusts; also for nodes, and for machines with a join token.',
    query: ReleaseQuery,
    answer: ReleaseList,
  }),
  releaseAdd: route({
    method: 'POST',
    path: '/v1/releases',
    needs: 'releases:write',
    text: 'Keep a release: a form with `signature`, the text of its .minisig file, and `file`. Refused unless a trusted key signed it.',
    bodyBytes: maxReleaseBytes,
    form: true,
    answer: Release,
    created: true,
  }),
  installRefused: route({
    method: 'POST',
    path: '/v1/releases/refusals',
    needs: 'releases:write',
    machines: true,
    text: 'A machine says that it did not take a release of the node-agent, and why; for nodes, and for machines with a join token.',
    body: opened(RefusedInstall),
  }),
  releaseContent: route({
    method: 'GET',
    path: '/v1/releases/:release',
    needs: 'releases:read',
    machines: true,
    text: 'The archive itself; with `Range`, a part of it. Also for nodes, and for machines with a join token.',
    params,
  }),
  releaseRemove: route({
    method: 'DELETE',
    path: '/v1/releases/:release',
    needs: 'releases:write',
    text: 'Keep a release no longer.',
    params,
  }),
};
