// An address without a page.
import { Compass } from 'lucide-react';
import { LinkButton } from '../kit/button.tsx';
import { PageHead } from '../kit/layout.tsx';
import { Empty } from '../kit/states.tsx';

export function NotFound() {
  return (
    <>
      <PageHead title="No such page" />
      <Empty title="There is nothing at this address" icon={<Compass />}>
        <p>The link may be of another version, or the thing it named was removed.</p>
        <LinkButton to="/">To the fleet</LinkButton>
      </Empty>
    </>
  );
}
