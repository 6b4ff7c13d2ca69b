// Routes of alerts: what needs a person, and that a person knows.
import { Alert, AlertAck, AlertId } from '../alerts.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

export const alertRoutes = {
  alerts: route({
    method: 'GET',
    path: '/v1/alerts',
    needs: 'alerts:read',
    text: 'What needs a person now, worst first.',
    answer: Type.Array(Alert),
  }),
  alertAck: route({
    method: 'POST',
    path: '/v1/alerts/:alert/ack',
    needs: 'alerts:write',
    text: 'Says that a person knows: until the cause is gone or the alert grows.',
    params: Type.Object({ alert: AlertId }),
    body: AlertAck,
    answer: Alert,
  }),
  alertUnack: route({
    method: 'DELETE',
    path: '/v1/alerts/:alert/ack',
    needs: 'alerts:write',
    text: 'Takes that back.',
    params: Type.Object({ alert: AlertId }),
    answer: Alert,
  }),
};
