// Routes of machines that become nodes: each checks a secret or a key of its own. Their bodies may have fields that this version does not
// know: a node-agent may be newer than its coordinator.
import { EnrolAnswer, EnrolRequest, RenewRequest } from '../enrol.ts';
import { maxEnrolBodyBytes } from '../limits.ts';
import { opened } from '../open.ts';
import { route } from './row.ts';

export const enrolRoutes = {
  installer: route({
    method: 'GET',
    path: '/install.sh',
    needs: 'open',
    text: 'The installer of the node-agent, a shell script; its hash is in the command that comes with a join token.',
  }),
  authority: route({
    method: 'GET',
    path: '/ca.pem',
    needs: 'open',
    text: "The certificate of the fleet's CA; a join token has its hash.",
  }),
  enrol: route({
    method: 'POST',
    path: '/v1/enrol',
    needs: 'open',
    text: 'A machine becomes a node.',
    body: opened(EnrolRequest),
    bodyBytes: maxEnrolBodyBytes,
    answer: EnrolAnswer,
    created: true,
  }),
  renew: route({
    method: 'POST',
    path: '/v1/enrol/renew',
    needs: 'open',
    text: "Renews a node's certificate by proof of its key.",
    body: opened(RenewRequest),
    bodyBytes: maxEnrolBodyBytes,
    answer: EnrolAnswer,
  }),
};
