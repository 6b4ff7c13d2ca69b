// A page without permission, by whatever link it was reached: it names the roles that may use it, in place of a form that would be refused.

import routes from 'fleet:routes';
import { roleWith } from '@blackroad/protocol/permissions';
import { Lock } from 'lucide-react';
import { useMe } from '../data/session.tsx';
import { LinkButton } from '../kit/button.tsx';
import { PageHead, Panel } from '../kit/layout.tsx';
import { Empty } from '../kit/states.tsx';
import type { PageRoute } from './page.ts';

export function Locked({ page }: { page: PageRoute }) {
  const { name, roles } = useMe();
  const needs = page.may && routes[page.may].needs;
  const needed = needs && needs !== 'open' ? roleWith(needs) : 'admin';
  const people = needed === 'admin' ? 'Admins' : 'Operators';
  const { title, text } = page.locked ?? {
    title: `${people} use this page`,
    text: `You are signed in as ${name}, with the role ${roles.join(', ')}. Ask somebody with the role admin for a key with the role ${needed}.`,
  };
  return (
    <>
      <PageHead title={page.nav?.text ?? page.title ?? 'Locked'} />
      <Panel>
        <Empty title={title} icon={<Lock />}>
          <p>{text}</p>
          <LinkButton to="/">To the fleet</LinkButton>
        </Empty>
      </Panel>
    </>
  );
}
