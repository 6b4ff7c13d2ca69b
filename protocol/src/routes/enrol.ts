// Routes of machines that become nodes: each checks a secret or a key of its own.
import { EnrolAnswer, EnrolRequest, RenewRequest } from '../enrol.ts';
import { maxEnrolBodyBytes } from '../limits.ts';
import { route } from './row.ts';

export const enrolRoutes = {
  enrol: route({
    method: 'POST',
    path: '/v1/enrol',
    needs: 'open',
    text: 'A machine becomes a node.',
    body: EnrolRequest,
    bodyBytes: maxEnrolBodyBytes,
    answer: EnrolAnswer,
    created: true,
  }),
  renew: route({
    method: 'POST',
    path: '/v1/enrol/renew',
    needs: 'open',
    text: "Renews a node's certificate by proof of its key.",
    body: RenewRequest,
    bodyBytes: maxEnrolBodyBytes,
    answer: EnrolAnswer,
  }),
};
