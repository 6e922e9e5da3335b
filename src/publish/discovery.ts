/** What Home Assistant makes of a node: one device with an entity for each figure that the node tells (device discovery, from 2024.11 on). */
import type { Json } from "../json.ts";
import type { NodeNumber } from "../mesh/ids.ts";
import type { NodeState } from "./node-state.ts";
import type { Topics } from "./topics.ts";

interface Entity {
  readonly platform: "sensor" | "binary_sensor";
  readonly name: string;
  readonly more: { readonly [key: string]: Json };
}

const measured = (name: string, unit: string, device: string | null, diagnostic = false): Entity => ({
  platform: "sensor",
  name,
  more: {
    unit_of_measurement: unit,
    state_class: "measurement",
    ...(device === null ? {} : { device_class: device }),
    ...(diagnostic ? { entity_category: "diagnostic" } : {}),
  },
});

/** By the key of the state that each shows. */
const ENTITIES: Partial<Record<keyof NodeState, Entity>> = {
  battery: measured("Battery", "%", "battery"),
  powered: { platform: "binary_sensor", name: "Powered", more: { device_class: "plug", payload_on: "True", payload_off: "False" } },
  voltage: measured("Voltage", "V", "voltage"),
  temperature: measured("Temperature", "°C", "temperature"),
  humidity: measured("Humidity", "%", "humidity"),
  pressure: measured("Pressure", "hPa", "atmospheric_pressure"),
  snr: measured("SNR", "dB", "signal_strength", true),
  rssi: measured("RSSI", "dBm", "signal_strength", true),
  channel_utilization: measured("Channel utilization", "%", null, true),
  air_util_tx: measured("Air utilization", "%", null, true),
  hops: { platform: "sensor", name: "Hops", more: { state_class: "measurement", entity_category: "diagnostic" } },
  last_heard: { platform: "sensor", name: "Last heard", more: { device_class: "timestamp", entity_category: "diagnostic" } },
};

/** The discovery message of a node. Templates name keys of the state only: nothing that a node tells is part of one. */
export function discoveryOf(number: NodeNumber, state: NodeState, topics: Topics, version: string): Json {
  const object = topics.objectId(number);
  const entities = Object.entries(ENTITIES).filter(([key]) => state[key as keyof NodeState] !== undefined);
  return {
    device: {
      identifiers: [`meshtastic_${state.id.slice(1)}`],
      name: state.name,
      manufacturer: "Meshtastic",
      ...(state.hardware === undefined ? {} : { model: state.hardware }),
      serial_number: state.id,
    },
    origin: { name: "ZephyrGate", sw_version: version },
    state_topic: topics.node(number),
    availability_mode: "all",
    availability: [
      { topic: topics.status, value_template: "{{ value_json.state }}" },
      { topic: topics.node(number), value_template: "{{ 'online' if value_json.online else 'offline' }}" },
    ],
    components: Object.fromEntries(
      entities.map(([key, { platform, name, more }]) => [
        key,
        { platform, name, unique_id: `${object}_${key}`, value_template: `{{ value_json.${key} }}`, ...more },
      ]),
    ),
  };
}
