// The tasks of one agent.
import type { AgentView } from '@blackroad/protocol';
import { LinkButton } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { TasksTable } from '../tasks/tasks-table.tsx';

export default function AgentTasks({ agent }: { agent: AgentView }) {
  const { waiting, running } = agent.tasks;
  return (
    <Panel
      bare
      title={`${running} at work, ${waiting} waiting`}
      aside={
        <LinkButton look="quiet" to="/tasks" search={{ agent: agent.name, dead: 'true' }}>
          Dead letters
        </LinkButton>
      }
    >
      <TasksTable page="/agents/$agent" filter={{ agent: agent.name }} plain />
    </Panel>
  );
}
