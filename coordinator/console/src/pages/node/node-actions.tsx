// The actions for a node: those with an undo are done at once, the others after a question.
import type { NodeView } from '@blackroad/protocol';
import { useNavigate } from '@tanstack/react-router';
import { Lightbulb, Pencil } from 'lucide-react';
import { type FormEvent, useMemo, useState } from 'react';
import { call } from '../../data/api.ts';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { DrainButton } from '../../fleet/drain-button.tsx';
import { useAddress } from '../../kit/address.ts';
import { Button } from '../../kit/button.tsx';
import { TextArea, TextField } from '../../kit/field.tsx';
import { FormEnd } from '../../kit/form-end.tsx';
import { ConfirmButton, Dialog } from '../../kit/overlay.tsx';
import { useCommands } from '../../shell/commands.ts';

type Edit = { cordoned?: boolean; draining?: boolean };

export function NodeActions({ node }: { node: NodeView }) {
  const may = useMay();
  const navigate = useNavigate();
  const [doing, setDoing] = useAddress('/nodes/$node', 'do');
  const params = { node: node.id };
  const edit = (body: Edit) => call('nodeEdit', { params, body });
  const identify = useAct('nodeIdentify', { done: ({ text }) => text });
  const change = useAct('nodeEdit', {
    done: (now) =>
      now.cordoned ? `${now.id} is cordoned: nothing new is placed on it.` : `${now.id} takes agents again.`,
    undo: (now) => () => edit({ cordoned: !now.cordoned }),
  });
  const release = useAct('nodeRelease', { done: () => `${node.id} may come back.` });
  const forget = useAct('nodeForget', { done: () => `${node.id} is forgotten.` });
  const mayIdentify = may('nodeIdentify') && node.presence === 'online' && node.info?.led !== false;
  const { mutate } = identify;
  useCommands(
    useMemo(
      () =>
        mayIdentify
          ? [
              {
                id: 'identify',
                text: `Identify ${node.id}`,
                words: 'blink light led',
                icon: <Lightbulb />,
                act: () => mutate({ params: { node: node.id } }),
              },
            ]
          : [],
      [mayIdentify, mutate, node.id],
    ),
  );
  return (
    <>
      {mayIdentify && (
        <Button icon={<Lightbulb />} busy={identify.isPending} onClick={() => identify.mutate({ params })}>
          Identify
        </Button>
      )}
      {may('nodeRestart') && node.presence === 'online' && <RestartNode node={node.id} />}
      {may('nodeEdit') && <EditNode node={node} />}
      {may('nodeEdit') &&
        (node.cordoned || node.draining ? (
          <Button
            busy={change.isPending}
            onClick={() => change.mutate({ params, body: { cordoned: false, draining: false } })}
          >
            Uncordon
          </Button>
        ) : (
          <Button busy={change.isPending} onClick={() => change.mutate({ params, body: { cordoned: true } })}>
            Cordon
          </Button>
        ))}
      {may('nodeEdit') && !node.draining && (
        <DrainButton
          asked={doing === 'drain'}
          onClose={() => setDoing('')}
          nodes={[node.id]}
          drain={() => edit({ draining: true })}
          undo={() => edit({ draining: false, cordoned: node.cordoned })}
        >
          Drain
        </DrainButton>
      )}
      {may('nodeRelease') && node.status === 'quarantined' && (
        <ConfirmButton
          look="primary"
          title={`Trust ${node.id} again?`}
          text="Its quarantine ends, and the hardware it reports next is taken as its own. Do this only if you know why it changed."
          verb="Trust it"
          act={() => release.run({ params })}
        >
          Release
        </ConfirmButton>
      )}
      {may('nodeForget') && (
        <ConfirmButton
          title={`Forget ${node.id}?`}
          text="Its certificate is worthless from then on; to come back it must join again with a new token. Its agents are placed elsewhere; memories it has not yet sent are lost."
          verb="Forget it"
          typed={node.id}
          act={() => forget.run({ params }).then(() => void navigate({ to: '/nodes' }))}
        >
          Forget
        </ConfirmButton>
      )}
    </>
  );
}

function RestartNode({ node }: { node: string }) {
  const restart = useAct('nodeRestart', { done: ({ text }) => text });
  return (
    <ConfirmButton
      look="plain"
      title={`Start the node-agent of ${node} anew?`}
      text="What looks after it (systemd, or balena) starts it again within seconds; the machine itself stays on, and what it had begun goes on. Where nothing would start it again it says so, and stays."
      verb="Start it anew"
      act={() => restart.run({ params: { node } })}
    >
      Restart
    </ConfirmButton>
  );
}

const labelLines = (labels: Record<string, string>) =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n');
function readLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
      .map((line) => {
        const at = line.indexOf('=');
        return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
      }),
  );
}

function EditNode({ node }: { node: NodeView }) {
  const [open, setOpen] = useState(false);
  const [site, setSite] = useState(node.site);
  const [labels, setLabels] = useState(labelLines(node.labels));
  const edit = useAct('nodeEdit', { done: (now) => `${now.id} is at ${now.site}.` });
  const save = (event: FormEvent) => {
    event.preventDefault();
    edit.mutate(
      { params: { node: node.id }, body: { site: site.trim(), labels: readLabels(labels) } },
      { onSuccess: () => setOpen(false) },
    );
  };
  const change = (now: boolean) => {
    setOpen(now);
    setSite(node.site);
    setLabels(labelLines(node.labels));
  };
  return (
    <>
      <Button icon={<Pencil />} onClick={() => change(true)}>
        Edit
      </Button>
      <Dialog open={open} onOpenChange={change} title={`Site and labels of ${node.id}`}>
        <form className="stack" onSubmit={save}>
          <TextField
            label="Site"
            value={site}
            required
            maxLength={63}
            onChange={(event) => setSite(event.target.value)}
            hint="One place: same network and power."
          />
          <TextArea
            label="Labels"
            value={labels}
            onChange={(event) => setLabels(event.target.value)}
            placeholder={'room=kitchen\ncamera=yes'}
            hint="One a line; agents can ask for them."
          />
          <FormEnd verb="Save" busy={edit.isPending} onCancel={() => change(false)} />
        </form>
      </Dialog>
    </>
  );
}
