// What people do with webhooks, as rows of the table of actions.
import { kind } from './audit-kind.ts';
import { Count } from './event-kind.ts';
import { counted } from './quantity-words.ts';
import { Type } from './typebox.ts';

const { Optional } = Type;
const Text = Type.String();
const ofName = ({ name }: { name: string }) => name;

export const webhookAudit = {
  'webhook-create': kind(
    'made a webhook',
    { name: Text, direction: Text, url: Optional(Text) },
    ofName,
    ({ direction, url }) => `${direction}${url === undefined ? '' : `, to ${url}`}`,
  ),
  'webhook-change': kind(
    'changed a webhook',
    { name: Text, url: Optional(Text), events: Optional(Type.Array(Text)) },
    ofName,
    ({ url, events }) => [url && `to ${url}`, events?.join(', ')].filter(Boolean).join('; '),
  ),
  'webhook-pause': kind('paused a webhook', { name: Text, direction: Text }, ofName, ({ direction }) => direction),
  'webhook-resume': kind('resumed a webhook', { name: Text, direction: Text }, ofName, ({ direction }) => direction),
  'webhook-rotate': kind('gave a webhook another secret', { name: Text }, ofName, () => ''),
  'webhook-delete': kind('deleted a webhook', { name: Text, direction: Text }, ofName, ({ direction }) => direction),
  'webhook-replay': kind(
    'had deliveries of a webhook tried again',
    { name: Text, deliveries: Count },
    ofName,
    ({ deliveries }) => counted(deliveries, 'delivery', 'deliveries'),
  ),
};
