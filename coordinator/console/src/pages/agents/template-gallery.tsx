// The templates for a new agent: the examples of the product, or an empty spec. They are data, and all of them can be changed.
import templates from 'fleet:templates';
import { RadioGroup } from 'radix-ui';
import type { Draft } from './spec-text.ts';

/** What a person would write: fields that only repeat the defaults are left out. */
export const blank: Draft = { name: '', model: ['auto'], instructions: '', tools: [{ tool: 'memory' }] };
const empty = 'Empty';

/** `small`, `medium` and `large` are any model of that size. */
function modelWords(wanted: string | undefined): string | undefined {
  if (wanted === 'auto') return 'any model';
  return wanted === 'small' || wanted === 'medium' || wanted === 'large' ? `a ${wanted} model` : wanted;
}

export function TemplateGallery({ chosen, onChosen }: { chosen: string; onChosen(name: string, draft: Draft): void }) {
  const choose = (name: string) => {
    const template = templates.find((each) => each.name === name);
    onChosen(name, template ?? blank);
  };
  return (
    <RadioGroup.Root className="templates" aria-label="Template" value={chosen || empty} onValueChange={choose}>
      {templates.map(({ name, description, model, tools, triggers }) => (
        <RadioGroup.Item key={name} value={name} className="template">
          <strong>{name.toUpperCase()}</strong>
          <span className="dim small">{description}</span>
          <span className="dim small">
            {[modelWords(model[0]), ...tools.map(({ tool }) => tool), triggers.length > 0 && 'wakes by itself']
              .filter(Boolean)
              .join(' · ')}
          </span>
        </RadioGroup.Item>
      ))}
      <RadioGroup.Item value={empty} className="template">
        <strong>EMPTY</strong>
        <span className="dim small">Nothing but a name and what you write.</span>
      </RadioGroup.Item>
    </RadioGroup.Root>
  );
}
