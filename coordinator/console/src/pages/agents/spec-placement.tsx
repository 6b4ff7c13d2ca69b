// The part of a spec's form for the places where the agent may run, and for the loss of its node.
import type { AgentSpec } from '@blackroad/protocol';
import { SelectField } from '../../kit/field.tsx';
import { ListField, type PartProps } from './spec-fields.tsx';

/** `classes` and `sites`: those that there are, in words. */
export function PlacementFields({
  draft,
  put,
  faultOf,
  classes,
  sites,
}: PartProps & { classes: string; sites: string }) {
  const { placement = {}, onLoss = {} } = draft;
  return (
    <details className="fold">
      <summary>Where it may run</summary>
      <div className="field-pair">
        <ListField
          label="Only these classes"
          value={placement.class ?? []}
          fault={faultOf('placement.class')}
          hint={`Empty: any but cloud.${classes && ` There are: ${classes}.`}`}
          onValue={(list) => put({ placement: { ...placement, class: list as AgentSpec['placement']['class'] } })}
        />
        <ListField
          label="Only these sites"
          value={placement.site ?? []}
          fault={faultOf('placement.site')}
          hint={`Empty: any.${sites && ` There are: ${sites}.`}`}
          onValue={(site) => put({ placement: { ...placement, site } })}
        />
        <ListField
          label="Only these nodes"
          value={placement.nodes ?? []}
          fault={faultOf('placement.nodes')}
          hint="Empty: any. One alone pins it there."
          onValue={(list) => put({ placement: { ...placement, nodes: list } })}
        />
        <ListField
          label="Not beside these agents"
          value={placement.avoidAgents ?? []}
          fault={faultOf('placement.avoidAgents')}
          onValue={(avoidAgents) => put({ placement: { ...placement, avoidAgents } })}
        />
        <ListField
          label="Labels a node must have"
          value={Object.entries(placement.labels ?? {}).map(([key, value]) => `${key}=${value}`)}
          fault={faultOf('placement.labels')}
          hint="As room=kitchen."
          onValue={(list) =>
            put({
              placement: {
                ...placement,
                labels: Object.fromEntries(list.map((each) => [each.split('=')[0] ?? '', each.split('=')[1] ?? ''])),
              },
            })
          }
        />
        <SelectField
          label="When its node is lost"
          value={onLoss.policy ?? 'replace'}
          fault={faultOf('onLoss')}
          options={[
            ['replace', 'place it elsewhere'],
            ['wait', 'wait until the node is back'],
            ['keep', 'it may go on there alone'],
          ]}
          onChange={(event) => put({ onLoss: { ...onLoss, policy: event.target.value as 'replace' } })}
        />
      </div>
    </details>
  );
}
