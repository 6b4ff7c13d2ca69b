// Bars of usage: a busy month, tasks that failed, nothing at all.
import type { Stories } from '../../kit/stories.ts';
import { DayBars } from './day-bars.tsx';
import type { DayBar } from './days.ts';

const month: DayBar[] = Array.from({ length: 30 }, (_, i) => {
  const tasks = (i * 37) % 53;
  return {
    day: `2026-11-${String(i + 1).padStart(2, '0')}`,
    tasks,
    failed: i % 5 === 0 ? Math.floor(tasks / 3) : 0,
    promptTokens: tasks * 800,
    completionTokens: tasks * 120,
    costUsd: tasks * 0.002,
    cloudUsd: 0,
  };
});
const nothing = month.map((bar) => ({
  ...bar,
  tasks: 0,
  failed: 0,
  promptTokens: 0,
  completionTokens: 0,
  costUsd: 0,
  cloudUsd: 0,
}));
const format = (value: number) => value.toLocaleString('en');

export const stories: Stories = {
  tokens: () => <DayBars bars={month} figure="tokens" format={format} />,
  failed: () => <DayBars bars={month} figure="tasks" format={format} />,
  nothing: () => <DayBars bars={nothing} figure="tokens" format={format} />,
};
