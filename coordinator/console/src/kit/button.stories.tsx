// Buttons in every look and state, and the questions and messages that follow them.
import { Download, Trash2 } from 'lucide-react';
import { Button, IconButton } from './button.tsx';
import { ConfirmButton, Menu } from './overlay.tsx';
import type { Stories } from './stories.ts';
import { say } from './toasts.tsx';

const looks = ['plain', 'primary', 'danger', 'quiet'] as const;
const row = (props: { busy?: boolean; disabled?: boolean }) => () => (
  <div className="row wrap">
    {looks.map((look) => (
      <Button key={look} look={look} icon={<Download />} {...props}>
        {look}
      </Button>
    ))}
  </div>
);
export const stories: Stories = {
  ready: row({}),
  busy: row({ busy: true }),
  disabled: row({ disabled: true }),
  'an icon with a name': () => (
    <IconButton label="Remove">
      <Trash2 />
    </IconButton>
  ),
  'asks first': () => (
    <div className="row wrap">
      <ConfirmButton
        title="Forget alice?"
        text="It must join again."
        verb="Forget it"
        act={() => say({ text: 'Forgotten.' })}
      >
        Forget
      </ConfirmButton>
      <ConfirmButton title="Erase?" text="For ever." verb="Erase" typed="alice" act={() => {}}>
        Erase, typed
      </ConfirmButton>
      <ConfirmButton
        title="Fails"
        text="It will not work."
        verb="Try"
        act={() => Promise.reject(new Error('alice: the node is not online'))}
      >
        Fails
      </ConfirmButton>
    </div>
  ),
  messages: () => (
    <div className="row wrap">
      <Button onClick={() => say({ text: 'alice is cordoned.', undo: () => {} })}>With a way back</Button>
      <Button onClick={() => say({ text: 'The node is not online.', tone: 'bad' })}>Failed</Button>
      <Button onClick={() => say({ text: 'Slower than usual.', tone: 'warn' })}>Warned</Button>
    </div>
  ),
  menu: () => (
    <Menu
      items={[
        { text: 'Open', act: () => {} },
        { text: 'Not now', disabled: true, act: () => {} },
        { text: 'Remove', danger: true, icon: <Trash2 />, act: () => {} },
      ]}
    >
      <Button>Menu</Button>
    </Menu>
  ),
};
