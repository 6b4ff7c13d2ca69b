// Every component in every state, on one page; part of the development build alone.

import stories from 'fleet:stories';
import type { ReactNode } from 'react';
import { PageHead, Panel } from '../kit/layout.tsx';

export default function StoriesPage() {
  return (
    <div className="page-stack">
      <PageHead
        title="Stories"
        text="Each component in each of its states. Look at them in both themes and at 390 pixels."
      />
      {stories.map(([file, each]) => (
        <Panel key={file} title={file.replace(/^.*\/|\.stories\.tsx$/g, '')}>
          <div className="page-stack">
            {Object.entries<() => ReactNode>(each).map(([name, Story]) => (
              <div key={name} className="stack">
                <p className="dim small">{name}</p>
                <Story />
              </div>
            ))}
          </div>
        </Panel>
      ))}
    </div>
  );
}
