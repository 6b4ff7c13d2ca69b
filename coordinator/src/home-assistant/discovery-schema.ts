// What Home Assistant takes of a component and of a device, made from the table of components: a component of ours has the fields of its row
// and no others, each in the form that its platform wants. What an entity would be refused for is refused here, before it is sent.
import { type TSchema, Type } from '@blackroad/protocol';
import type { Component, Platform } from './components.ts';

const closed = { additionalProperties: false };
const Text = Type.String({ minLength: 1, maxLength: 1_000 });
/** Of a topic that is published on: no wildcard, no empty level. */
const Topic = Type.String({ pattern: '^[^/+#\\u0000-\\u001f]+(/[^/+#\\u0000-\\u001f]+)*$', maxLength: 1_000 });
const Name = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' });
const UniqueId = Type.String({ pattern: '^[a-z0-9_-]{1,250}$' });
const Texts = Type.Array(Text, { minItems: 1, maxItems: 50 });
const Availability = Type.Array(
  Type.Object(
    { topic: Topic, value_template: Text, payload_available: Text, payload_not_available: Text },
    { ...closed },
  ),
  { minItems: 1, maxItems: 4 },
);

/** Every field that a row can lead to. A field that is missing here is no field of ours, and a row with it does not pass the tests. */
const fields: Readonly<Record<string, TSchema>> = {
  name: Name,
  unique_id: UniqueId,
  icon: Type.String({ pattern: '^mdi:[a-z0-9-]+$' }),
  device_class: Text,
  state_class: Type.OneOf(['measurement', 'total', 'total_increasing']),
  unit_of_measurement: Text,
  suggested_display_precision: Type.Integer({ minimum: 0, maximum: 10 }),
  entity_category: Type.OneOf(['config', 'diagnostic']),
  options: Texts,
  value_template: Text,
  json_attributes_topic: Topic,
  json_attributes_template: Text,
  state_topic: Topic,
  command_topic: Topic,
  command_template: Text,
  payload_on: Text,
  payload_off: Text,
  state_on: Text,
  state_off: Text,
  payload_press: Text,
  payload_install: Text,
  title: Text,
  max: Type.Integer({ minimum: 1, maximum: 255 }),
  mode: Type.OneOf(['text', 'password']),
  event_types: Texts,
  availability: Availability,
};
/** What each platform takes and wants beside a name and a unique id; `device_class` are those that it knows and we use. */
const known: Readonly<Record<Platform, { wants: string[]; takes: string[]; classes: string[] }>> = {
  sensor: {
    wants: ['value_template'],
    takes: ['state_class', 'unit_of_measurement', 'suggested_display_precision', 'options'],
    classes: ['enum', 'timestamp', 'temperature', 'data_size'],
  },
  binary_sensor: { wants: ['value_template'], takes: [], classes: ['problem', 'heat', 'power', 'connectivity'] },
  switch: {
    wants: ['value_template', 'command_topic', 'payload_on', 'payload_off', 'state_on', 'state_off'],
    takes: [],
    classes: [],
  },
  button: { wants: ['command_topic', 'payload_press'], takes: [], classes: ['identify', 'restart', 'update'] },
  update: {
    wants: ['value_template', 'command_topic', 'payload_install'],
    takes: ['title'],
    classes: ['firmware'],
  },
  text: { wants: ['command_topic', 'command_template', 'value_template'], takes: ['max', 'mode'], classes: [] },
  event: { wants: ['state_topic', 'event_types'], takes: [], classes: [] },
  notify: { wants: ['command_topic', 'command_template'], takes: [], classes: [] },
};
const taken = ['icon', 'entity_category', 'availability', 'json_attributes_topic', 'json_attributes_template'];

const made = new Map<Component, TSchema>();
/** Of a component of this row: exactly its fields, in the form that its platform takes. */
export function componentSchema(row: Component): TSchema {
  let schema = made.get(row);
  if (!schema) {
    schema = schemaOf(row);
    made.set(row, schema);
  }
  return schema;
}
function schemaOf({ platform, shown = {} }: Component): TSchema {
  const { wants, takes, classes } = known[platform];
  const sensorOf = String(shown.device_class ?? '');
  const isEnum = platform === 'sensor' && sensorOf === 'enum';
  const hasNoUnit = isEnum || sensorOf === 'timestamp';
  const barred = new Set([
    ...(hasNoUnit ? ['state_class', 'unit_of_measurement', 'suggested_display_precision'] : []),
    ...(isEnum ? [] : ['options']),
  ]);
  const required = ['name', 'unique_id', ...wants, ...(isEnum ? ['options'] : [])];
  const optional = [...takes, ...taken].filter((key) => !barred.has(key) && !required.includes(key));
  const of = (key: string) => fields[key] as TSchema;
  return Type.Object(
    {
      platform: Type.Literal(platform),
      ...Object.fromEntries(required.map((key) => [key, of(key)])),
      ...Object.fromEntries(optional.map((key) => [key, Type.Optional(of(key))])),
      ...(classes.length > 0 ? { device_class: Type.Optional(Type.OneOf(classes)) } : {}),
    },
    closed,
  );
}

/** All but the components. */
export const DeviceSchema = Type.Object(
  {
    device: Type.Object(
      {
        identifiers: Type.Array(Type.String({ pattern: '^[a-z0-9-]{1,100}$' }), { minItems: 1, maxItems: 1 }),
        name: Name,
        manufacturer: Name,
        model: Name,
        sw_version: Type.Optional(Name),
      },
      closed,
    ),
    origin: Type.Object({ name: Name, sw_version: Name }, closed),
    state_topic: Topic,
    availability: Availability,
    availability_mode: Type.Literal('all'),
  },
  closed,
);
