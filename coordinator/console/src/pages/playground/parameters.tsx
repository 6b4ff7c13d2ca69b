// The parameters of a request: what is left empty is the model server's own.
import { TextArea, TextField } from '../../kit/field.tsx';
import type { Faults, Settings } from './request.ts';

interface ParametersProps {
  settings: Settings;
  set(settings: Settings): void;
  faults: Faults;
}
export function Parameters({ settings, set, faults }: ParametersProps) {
  const names = {
    system: 'system prompt',
    temperature: 'temperature',
    maxTokens: 'most tokens',
    schema: 'schema',
    tools: 'tools',
  };
  const given = (Object.keys(names) as (keyof Settings)[]).filter((name) => settings[name].trim() !== '');
  const fault = (name: keyof Settings) => (faults[name] === undefined ? undefined : `Expected ${faults[name]}.`);
  const field = (name: keyof Settings) => ({
    value: settings[name],
    fault: fault(name),
    onChange: (event: { target: { value: string } }) => set({ ...settings, [name]: event.target.value }),
  });
  return (
    <details className="play-parameters">
      <summary>
        Parameters{' '}
        <span className="dim small">{given.length > 0 ? given.map((name) => names[name]).join(', ') : 'none set'}</span>
      </summary>
      <div className="stack">
        <TextArea label="System prompt" rows={3} {...field('system')} />
        <div className="columns play-numbers">
          <TextField label="Temperature" inputMode="decimal" placeholder="0 to 2" {...field('temperature')} />
          <TextField label="Most tokens" inputMode="numeric" placeholder="of the answer" {...field('maxTokens')} />
        </div>
        <TextArea
          label="JSON Schema of the answer"
          className="input play-code"
          rows={3}
          spellCheck={false}
          placeholder={'{"type": "object", "properties": {}}'}
          {...field('schema')}
        />
        <TextArea
          label="Tools"
          className="input play-code"
          rows={3}
          spellCheck={false}
          hint="Calls are shown, and not made."
          placeholder={'[{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]'}
          {...field('tools')}
        />
      </div>
    </details>
  );
}
