// The ways into MQTT.
import { MqttView } from '../mqtt-view.ts';
import { route } from './row.ts';

export const mqttRoutes = {
  mqtt: route({
    method: 'GET',
    path: '/v1/mqtt',
    needs: 'fleet:read',
    text: "Where programs connect over MQTT, and how the door for people's programs is.",
    answer: MqttView,
  }),
};
