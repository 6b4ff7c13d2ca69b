// A rollout in a terminal: its state, its waves with bars, its gates with their figures, who failed.
import type { RolloutDetails, RolloutPlan, RolloutView } from '@blackroad/protocol';
import { type Paint, table } from './words.ts';

interface Screen {
  paint: Paint;
  columns: number;
  nowMs: number;
}
const barColumns = 24;
const colours = { green: 'green', red: 'red', unknown: 'dim' } as const;
const signs = { green: '✓', red: '✗', unknown: '·' } as const;

export function planWords({ text, waves, leftOut, leftOutCount, ...plan }: RolloutPlan, screen: Screen): string {
  const { soakSeconds, maxUnavailable, gates, warnings } = plan;
  const rows = waves.map(({ size, names, classes, away }, i) => [
    String(i + 1),
    String(size),
    Object.entries(classes)
      .map(([name, count]) => `${count} ${name}`)
      .join(', '),
    away === 0 ? '-' : String(away),
    names.length > 4 ? `${names.slice(0, 4).join(', ')} and ${size - 4} more` : names.join(', '),
  ]);
  const lines = [
    screen.paint('bold', text),
    `each wave is watched for ${Math.round(soakSeconds / 60)} min; ${maxUnavailable} at most under way at once; gates: ${gates.join(', ')}`,
    '',
    table(['WAVE', 'SIZE', 'CLASSES', 'AWAY', 'WHO'], rows, screen.columns, screen.paint, ['AWAY', 'CLASSES']),
  ];
  if (leftOutCount > 0) {
    lines.push('', `left out: ${leftOutCount}`);
    for (const { name, why } of leftOut.slice(0, 5)) lines.push(`  ${name} ${why}`);
  }
  return [...lines, ...(warnings.length > 0 ? ['', ...warnings.map((each) => screen.paint('yellow', each))] : [])].join(
    '\n',
  );
}

function headOf({ id, text, state, reason }: RolloutView, { paint }: Screen): string {
  const bad = state === 'stopped' || state === 'rolling-back' || state === 'rolled-back' || state === 'aborted';
  const shown = paint(bad ? 'red' : state === 'done' ? 'green' : 'bold', state);
  return `${paint('bold', text)}  ${shown}${reason === '' ? '' : `: ${reason}`}  ${paint('dim', id)}`;
}
function wavesOf({ waves, wave }: RolloutView, { paint }: Screen): string[] {
  return waves.map(({ size, done, told, failed, returned, away }, i) => {
    const cells = (count: number) => Math.round((count / Math.max(1, size)) * barColumns);
    const [full, going, broken] = [cells(done), cells(told), cells(failed)];
    const rest = Math.max(0, barColumns - full - going - broken);
    const bar = `${paint('green', '█'.repeat(full))}${paint('yellow', '▒'.repeat(going))}${paint('red', '█'.repeat(broken))}${'·'.repeat(rest)}`;
    const more = [
      ...(told > 0 ? [`${told} under way`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...(returned > 0 ? [`${returned} back on the old one`] : []),
      ...(away > 0 ? [`${away} away`] : []),
    ];
    return `${i + 1 === wave ? '▸' : ' '} wave ${i + 1}  ${bar}  ${done} of ${size}${more.length > 0 ? `, ${more.join(', ')}` : ''}`;
  });
}
export function rolloutWords(rollout: RolloutDetails, screen: Screen): string {
  const { paint } = screen;
  const { soakUntilMs, waitsFor, gates, subjects } = rollout;
  const leftMs = waitsFor === 'soak' && soakUntilMs !== null ? soakUntilMs - screen.nowMs : 0;
  const soak = leftMs > 0 ? [`  watched for ${Math.ceil(leftMs / 1000)} s more`] : [];
  const told = gates.map(
    ({ gate, verdict, text }) => `${paint(colours[verdict], `${signs[verdict]} ${gate.padEnd(12)}`)} ${text}`,
  );
  const notable = subjects.filter(
    ({ state }) => state === 'failed' || state === 'left' || state === 'told' || state === 'returning',
  );
  const who = notable
    .slice(0, 10)
    .map(
      ({ name, state, step = '', away }) =>
        `  ${name} ${state}${step === '' ? '' : `: ${step}`}${away ? ', away' : ''}`,
    );
  return [headOf(rollout, screen), ...wavesOf(rollout, screen), ...soak, ...told, ...who].join('\n');
}
export function rolloutTable(all: readonly RolloutView[], screen: Screen): string {
  const rows = all.map(({ id, text, state, wave, waves, reason }) => [
    id,
    text,
    state,
    `${wave} of ${waves.length}`,
    reason,
  ]);
  return table(['ID', 'WHAT', 'STATE', 'WAVE', 'WHY'], rows, screen.columns, screen.paint, ['WAVE']);
}
