// Alerts: an error, a warning, an acknowledged one.
import type { Alert } from '@blackroad/protocol';
import type { Stories } from '../kit/stories.ts';
import { AlertList } from './alerts.tsx';
import { ClassShape, classShapes } from './class-shape.tsx';

const alert: Alert = {
  id: 'node-lost:home:alice',
  kind: 'node-lost',
  code: null,
  severity: 'error',
  title: 'alice is lost',
  text: 'It has not been heard for 3 minutes. Its 2 agents moved to aria. Check its power and its network.',
  sinceMs: 1_800_000_000_000,
  count: 1,
  site: 'home',
  nodes: ['alice'],
  agents: [],
  actions: [
    { verb: 'open-node', label: 'Show alice', role: 'viewer', node: 'alice' },
    { verb: 'forget-node', label: 'Forget', role: 'admin', node: 'alice' },
  ],
  acknowledged: null,
};
export const stories: Stories = {
  'two open, one acknowledged': () => (
    <AlertList
      alerts={[
        alert,
        { ...alert, id: 'b', severity: 'warning', title: 'octavia: power supply too weak', actions: [] },
        { ...alert, id: 'c', acknowledged: { by: 'key:ada', atMs: 1_800_000_100_000, note: 'new SD card is ordered' } },
      ]}
    />
  ),
  'shapes of the classes': () => (
    <div className="row wrap">
      {classShapes.map((kind, i) => (
        <ClassShape key={kind} kind={kind} tone={i === 4 ? 'bad' : i === 2 ? 'warn' : 'good'} used={i / 6} size={55} />
      ))}
    </div>
  ),
};
