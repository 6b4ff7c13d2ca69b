// One side of the playground as a person sees it: the model, its parameters, what was said, and what each answer took.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Code, RotateCcw } from 'lucide-react';
import { useState } from 'react';
import { type ApiProblem, call } from '../../data/api.ts';
import { useRoute } from '../../data/query.ts';
import { agentIn } from '../../fleet/agent-in.ts';
import { useModelOptions } from '../../fleet/model-options.ts';
import { Button, IconButton } from '../../kit/button.tsx';
import { CopyButton } from '../../kit/copy-button.tsx';
import { SelectField } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Markdown } from '../../kit/markdown.tsx';
import { Status } from '../../kit/status.tsx';
import { duration, money, plural } from '../../kit/words.ts';
import { useEnd } from '../chat/use-end.ts';
import { type Answer, costOf, speedOf } from './answer.ts';
import { AsProgram } from './as-program.tsx';
import { Parameters } from './parameters.tsx';
import type { Faults, Settings } from './request.ts';
import type { Said, Side } from './use-side.ts';

interface SideProps {
  /** `Left`, `Right`; empty where there is one. */
  name: string;
  model: string;
  setModel(model: string): void;
  settings: Settings;
  setSettings(settings: Settings): void;
  faults: Faults;
  side: Side;
}
export function SidePanel({ name, model, setModel, settings, setSettings, faults, side }: SideProps) {
  const options = useModelOptions(model);
  const { list, onScroll } = useEnd(side.said.length);
  const [asProgram, setAsProgram] = useState(false);
  const label = name === '' ? 'Model' : `${name} model`;
  return (
    <Panel className="play-side">
      <div className="stack">
        <div className="row play-model">
          <div className="grow">
            <SelectField
              label={label}
              value={model}
              options={options}
              onChange={(event) => setModel(event.target.value)}
            />
          </div>
          <Button icon={<Code />} onClick={() => setAsProgram(true)}>
            As code
          </Button>
        </div>
        <Place model={model} />
        {agentIn(model) === null ? (
          <Parameters settings={settings} set={setSettings} faults={faults} />
        ) : (
          <p className="dim small">
            An agent has its own instructions, tools and sampling. What it is asked here is a task, and it remembers it.
          </p>
        )}
        <div
          ref={list}
          className="play-said"
          role="log"
          aria-live="off"
          aria-label={name === '' ? 'Answers' : `${name} answers`}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys
          tabIndex={0}
          onScroll={onScroll}
        >
          {side.said.map((each, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: exchanges only ever follow one another
            <Exchange key={i} said={each} again={i === side.said.length - 1 && !side.isBusy ? side.again : null} />
          ))}
        </div>
      </div>
      {asProgram && <AsProgram {...{ model, settings, side }} close={() => setAsProgram(false)} />}
    </Panel>
  );
}

/** Where it would be answered now. */
function Place({ model }: { model: string }) {
  const { data, error } = useQuery<Awaited<ReturnType<typeof explain>>, ApiProblem>({
    queryKey: ['routeExplain', model],
    queryFn: () => explain(model),
    enabled: agentIn(model) === null,
    staleTime: 5_000,
  });
  if (agentIn(model) !== null) return null;
  if (error) return <p className="warn small">{error.message}</p>;
  if (!data) return <p className="dim small">Looking where it would be answered …</p>;
  if (!data.chosen) return <p className="warn small">{data.problem}</p>;
  return (
    <p className="dim small">
      Now: <RouteWords node={data.chosen.node} why={data.why} />
    </p>
  );
}
/** The words for a route, with a link where they name its node. */
function RouteWords({ node, why }: { node: string; why: string }) {
  const on = ` on ${node}`;
  const at = why.indexOf(on);
  // Another node may begin with its name.
  if (node === '' || at < 0 || /[a-z0-9-]/.test(why.charAt(at + on.length))) return why;
  return (
    <>
      {why.slice(0, at)} on{' '}
      <Link to="/nodes/$node" params={{ node }}>
        {node}
      </Link>
      {why.slice(at + on.length)}
    </>
  );
}
const explain = (model: string) => call('routeExplain', { body: { model } });

function Exchange({ said: { prompt, answer }, again }: { said: Said; again: (() => void) | null }) {
  return (
    <article className="exchange" aria-label="Exchange">
      <div className="said by-person">
        <p className="said-text">{prompt}</p>
      </div>
      <div className="said by-agent play-answer">
        {answer.thought && (
          <details className="play-thought" open={answer.text === ''}>
            <summary>What it thought</summary>
            <p className="said-text dim small">{answer.thought}</p>
          </details>
        )}
        {answer.text && <Markdown text={answer.text} />}
        {answer.calls.map((called, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same tool may be called again
          <Markdown key={i} text={`Calls \`${called.name}\`:\n\`\`\`json\n${called.arguments}\n\`\`\``} />
        ))}
        <Standing answer={answer} />
        <Figures answer={answer} />
        {again && (
          <div className="row said-foot">
            {answer.text && <CopyButton text={answer.text} label="Copy the answer" />}
            <IconButton label="Answer again" onClick={again}>
              <RotateCcw />
            </IconButton>
          </div>
        )}
      </div>
    </article>
  );
}

function Standing({ answer: { state, text, calls, isCut, problem } }: { answer: Answer }) {
  if (state === 'asking' || state === 'writing') {
    return (
      <p className="row small dim" role="status">
        <span className="speaking" aria-hidden="true" />
        {state === 'asking' ? 'waiting for the first word' : 'writing'}
      </p>
    );
  }
  if (state === 'failed')
    return (
      <p role="alert">
        <Status of="failed" word={problem} />
      </p>
    );
  if (state === 'stopped') return <Status of="cancelled" word="stopped" />;
  if (isCut) return <p className="warn small">It ended at the limit of its tokens.</p>;
  return text === '' && calls.length === 0 ? <p className="dim">It said nothing.</p> : null;
}

function Figures({ answer }: { answer: Answer }) {
  const { from, firstMs, totalMs, usage } = answer;
  const speed = speedOf(answer);
  if (!from) return null;
  return (
    <>
      <p className="usage-line dim small">
        {firstMs !== null && <span>first after {duration(firstMs)}</span>}
        {speed !== null && <span>{speed.toFixed(1)} tokens/s</span>}
        {totalMs !== null && <span>{duration(totalMs)} in all</span>}
        {usage && (
          <span>
            {plural(usage.promptTokens, 'token')} read, {usage.completionTokens} written
          </span>
        )}
        {usage && <Cost answer={answer} node={from.node} />}
        <span>{from.overheadMs.toFixed(1)} ms for the way</span>
      </p>
      <p className="dim small">
        <RouteWords node={from.node} why={from.why} />
      </p>
    </>
  );
}
function Cost({ answer, node }: { answer: Answer; node: string }) {
  const { data } = useRoute('node', { params: { node } }, { staleTime: 60_000 });
  if (!data) return null;
  const price = data.capacity?.pricePerMillionTokens ?? 0;
  return <span>{price > 0 ? money(costOf(answer, price)) : 'no cost: own hardware'}</span>;
}
