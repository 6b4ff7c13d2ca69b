// The playground: any model or agent of the fleet is asked, one or two of them at a time with the same words. Requests go the way of any
// client of the gateway; nothing is kept, except what agents are asked.
import { Eraser, Send, Square } from 'lucide-react';
import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { useAddress } from '../../kit/address.ts';
import { Button } from '../../kit/button.tsx';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { Choice } from '../../kit/tabs.tsx';
import { faultsIn, noSettings } from './request.ts';
import { SidePanel } from './side.tsx';
import { useSide } from './use-side.ts';

export default function PlaygroundPage() {
  const [model, setModel] = useAddress('/playground', 'model', 'auto');
  const [other, setOther] = useAddress('/playground', 'against');
  const [settings, setSettings] = useState(noSettings);
  const [otherSettings, setOtherSettings] = useState(noSettings);
  const left = useSide(model, settings);
  const right = useSide(other, otherSettings);
  const isTwo = other !== '';
  const faults = faultsIn(settings);
  const otherFaults = faultsIn(otherSettings);
  const all = isTwo ? [left, right] : [left];
  const isReady = Object.keys({ ...faults, ...(isTwo ? otherFaults : {}) }).length === 0;
  return (
    <div className="page-stack">
      <PageHead
        title="Playground"
        text="Any model or agent of the fleet, with the route that each answer takes and what it costs. Nothing is kept, except what agents are asked."
        actions={
          <>
            <Choice
              label="How many at a time"
              value={isTwo ? 'two' : 'one'}
              options={[
                ['one', 'One'],
                ['two', 'Side by side'],
              ]}
              onValue={(value) => {
                right.clear();
                setOther(value === 'two' ? 'large' : '');
              }}
            />
            <Button
              icon={<Eraser />}
              disabled={left.said.length + right.said.length === 0}
              onClick={() => all.forEach((side) => void side.clear())}
            >
              Clear
            </Button>
          </>
        }
      />
      <div className={isTwo ? 'play-sides two' : 'play-sides'}>
        <SidePanel name={isTwo ? 'Left' : ''} {...{ model, setModel, settings, setSettings, faults }} side={left} />
        {isTwo && (
          <SidePanel
            name="Right"
            model={other}
            setModel={setOther}
            settings={otherSettings}
            setSettings={setOtherSettings}
            faults={otherFaults}
            side={right}
          />
        )}
      </div>
      <Prompt
        isBusy={all.some(({ isBusy }) => isBusy)}
        isReady={isReady}
        ask={(words) => all.forEach((side) => void side.ask(words))}
        stop={() => all.forEach((side) => void side.stop())}
      />
    </div>
  );
}

interface PromptProps {
  isBusy: boolean;
  /** Whether every parameter may be sent. */
  isReady: boolean;
  ask(words: string): void;
  stop(): void;
}
function Prompt({ isBusy, isReady, ask, stop }: PromptProps) {
  const [words, setWords] = useState('');
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (matchMedia('(pointer: fine)').matches) area.current?.focus({ preventScroll: true });
  }, []);
  const send = (event?: FormEvent) => {
    event?.preventDefault();
    if (words.trim() === '' || isBusy || !isReady) return;
    ask(words.trim());
    setWords('');
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <Panel className="play-prompt">
      <form className="row chat-row" onSubmit={send}>
        <textarea
          ref={area}
          className="input"
          aria-label="Prompt"
          placeholder="Ask something"
          rows={Math.min(8, words.split('\n').length)}
          value={words}
          onChange={(event) => setWords(event.target.value)}
          onKeyDown={onKey}
        />
        {isBusy ? (
          <Button icon={<Square />} onClick={stop}>
            Stop
          </Button>
        ) : (
          <Button type="submit" look="primary" icon={<Send />} disabled={words.trim() === '' || !isReady}>
            Send
          </Button>
        )}
      </form>
      {!isReady && <p className="bad small">A parameter is not as it should be.</p>}
    </Panel>
  );
}
