// One's own conversations with an agent: opened, named, shared by a link and deleted.
import type { ConversationView } from '@blackroad/protocol';
import { Ellipsis, Link2, List, MessageCirclePlus, Pencil, Trash2 } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useAct, useRoute } from '../../data/query.ts';
import { Time } from '../../fleet/time.tsx';
import { Button, IconButton } from '../../kit/button.tsx';
import { CopyText, TextField } from '../../kit/field.tsx';
import { FormEnd } from '../../kit/form-end.tsx';
import { Dialog, Menu } from '../../kit/overlay.tsx';
import { Fault, Loaded } from '../../kit/states.tsx';
import { wordsOf } from '../../kit/words.ts';
import { everything } from './everything.ts';

interface ListProps {
  agent: string;
  /** The id of the one that is open; '' : a new one. */
  chosen: string;
  choose(id: string): void;
}
export function ConversationList({ agent, chosen, choose }: ListProps) {
  const read = useRoute('conversations', { query: { agent } });
  const [asked, ask] = useState<{ to: 'rename' | 'share' | 'delete'; of: ConversationView } | null>(null);
  const close = () => ask(null);
  return (
    <nav className="chat-side" aria-label={`Conversations with ${agent}`}>
      <Button icon={<MessageCirclePlus />} onClick={() => choose('')}>
        New conversation
      </Button>
      <Loaded of={read}>
        {(all) =>
          all.length === 0 ? (
            <p className="dim small">Yours will stand here.</p>
          ) : (
            <ul className="chat-names">
              {all.map((each) => (
                <li key={each.id} className="row">
                  <button
                    type="button"
                    className="chat-name"
                    aria-current={each.id === chosen ? 'true' : undefined}
                    onClick={() => choose(each.id)}
                  >
                    <span className="cut">{each.title || 'Without a message'}</span>
                    <span className="dim small">
                      <Time at={each.updatedMs} />
                      {each.isShared && ', shared'}
                    </span>
                  </button>
                  <Menu
                    items={[
                      { text: 'Rename', icon: <Pencil />, act: () => ask({ to: 'rename', of: each }) },
                      { text: 'Share', icon: <Link2 />, act: () => ask({ to: 'share', of: each }) },
                      { text: 'Delete', icon: <Trash2 />, danger: true, act: () => ask({ to: 'delete', of: each }) },
                    ]}
                  >
                    <IconButton label={`More about ${each.title || 'this conversation'}`}>
                      <Ellipsis />
                    </IconButton>
                  </Menu>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <Button
        look="quiet"
        icon={<List />}
        aria-current={chosen === everything ? 'true' : undefined}
        onClick={() => choose(everything)}
      >
        All it was asked
      </Button>
      {asked?.to === 'rename' && <Rename of={asked.of} close={close} />}
      {asked?.to === 'share' && <Share of={asked.of} close={close} />}
      {asked?.to === 'delete' && (
        <Delete of={asked.of} close={close} gone={() => asked.of.id === chosen && choose('')} />
      )}
    </nav>
  );
}

interface About {
  of: ConversationView;
  close(): void;
}
const stales = ['conversations' as const, 'conversation' as const];

function Rename({ of, close }: About) {
  const [title, setTitle] = useState(of.title);
  const edit = useAct('conversationEdit', { done: () => null, stales });
  const [problem, setProblem] = useState('');
  const save = (event: FormEvent) => {
    event.preventDefault();
    edit
      .run({ params: { conversation: of.id }, body: { title: title.trim() } })
      .then(close, (error) => setProblem(wordsOf(error)));
  };
  return (
    <Dialog open onOpenChange={close} title="Rename the conversation">
      <form className="stack" onSubmit={save}>
        <TextField
          label="Name"
          value={title}
          maxLength={120}
          autoFocus
          fault={problem || undefined}
          onChange={(event) => setTitle(event.target.value)}
        />
        <FormEnd verb="Save" busy={edit.isPending} disabled={title.trim() === ''} onCancel={close} />
      </form>
    </Dialog>
  );
}

function Share({ of, close }: About) {
  const edit = useAct('conversationEdit', { done: () => null, stales });
  const [isShared, setShared] = useState(of.isShared);
  const share = (now: boolean) =>
    edit.mutate(
      { params: { conversation: of.id }, body: { isShared: now } },
      { onSuccess: (view) => setShared(view.isShared) },
    );
  return (
    <Dialog
      open
      onOpenChange={close}
      title="Share the conversation"
      text="Everyone who is signed in to this fleet and has the link may read it, also what is said from now on. Nobody else goes on with it."
    >
      {isShared && <CopyText text={`${location.origin}/conversations/${of.id}`} label="Copy the link" />}
      <footer className="row end">
        {isShared ? (
          <Button look="danger" busy={edit.isPending} onClick={() => share(false)}>
            End the sharing
          </Button>
        ) : (
          <Button look="primary" busy={edit.isPending} onClick={() => share(true)}>
            Make a link
          </Button>
        )}
      </footer>
    </Dialog>
  );
}

function Delete({ of, close, gone }: About & { gone(): void }) {
  const remove = useAct('conversationDelete', {
    done: () => 'The conversation is deleted.',
    stales: ['conversations'],
  });
  const [problem, setProblem] = useState('');
  const act = () =>
    remove.run({ params: { conversation: of.id } }).then(
      () => {
        gone();
        close();
      },
      (error) => setProblem(wordsOf(error)),
    );
  return (
    <Dialog
      open
      onOpenChange={close}
      title={`Delete ${of.title || 'the conversation'}?`}
      text="It cannot be taken back. The agent keeps what it remembers of it, and its tasks stay in the history for as long as all others."
    >
      <Fault text={problem} />
      <footer className="row end">
        <Button onClick={close}>Cancel</Button>
        <Button look="danger" busy={remove.isPending} onClick={act}>
          Delete
        </Button>
      </footer>
    </Dialog>
  );
}
