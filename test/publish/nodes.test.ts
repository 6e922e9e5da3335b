/** What a broker is told of nodes: by a broker in memory that keeps what is to be kept, as Home Assistant finds it. */
import { describe, expect, test } from "bun:test";
import { fail, ok } from "../../src/errors.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { formatNodeId } from "../../src/mesh/ids.ts";
import type { MeshNode } from "../../src/mesh/node.ts";
import { NodePublisher, type NodePublisherOptions } from "../../src/publish/node-publisher.ts";
import { nodeState } from "../../src/publish/node-state.ts";
import { Topics } from "../../src/publish/topics.ts";
import { FakeClock } from "../fake-clock.ts";

const topics = new Topics("zephyrgate", "homeassistant");
const node = (number: number, more: Partial<MeshNode> = {}): MeshNode => ({
  number,
  id: formatNodeId(number),
  isOwn: false,
  link: "base",
  lastHeard: Date.UTC(2026, 0, 1),
  ...more,
});

function world(options: Partial<NodePublisherOptions> = {}) {
  const clock = new FakeClock();
  const nodes = new Map<number, MeshNode>();
  const kept = new Map<string, unknown>();
  const set = { room: Number.POSITIVE_INFINITY };
  let messages = 0;
  const publisher = new NodePublisher(
    { only: null, max: 200, discovers: true, intervalMs: 60_000, ...options },
    {
      clock,
      log: silentLogger,
      topics,
      version: "1.0.0",
      nodes: () => [...nodes.values()],
      publish: (topic, value) => {
        if (set.room <= 0) return fail("rate_limited", "busy");
        set.room -= 1;
        messages += 1;
        if (value === null) kept.delete(topic);
        else kept.set(topic, value);
        return ok(null);
      },
    },
  );
  const hear = (each: MeshNode) => {
    nodes.set(each.number, each);
    publisher.seen(each);
  };
  return { clock, nodes, kept, set, publisher, hear, count: () => messages };
}

const STATE = "zephyrgate/json/1/nodes/!0000000a";
const CONFIG = "homeassistant/device/zephyrgate_0000000a/config";

describe("states and devices", () => {
  test("entities are those whose figures the node tells, and come when it tells more", () => {
    const { clock, kept, publisher, hear } = world();
    publisher.connected();
    hear(node(10, { longName: "Ridge", batteryLevel: 101, snr: 5.25 }));
    clock.pass(3_000);
    expect(kept.get(STATE)).toMatchObject({ id: "!0000000a", name: "Ridge", battery: 100, powered: true, snr: 5.25, online: true });
    const components = () => Object.keys((kept.get(CONFIG) as { components: object }).components);
    expect(components()).toEqual(["battery", "powered", "snr", "last_heard"]);
    hear(node(10, { batteryLevel: 90, telemetry: { environment_metrics: { temperature: 21.456, relativeHumidity: 40 } } }));
    clock.pass(70_000);
    expect(kept.get(STATE)).toMatchObject({ battery: 90, powered: false, temperature: 21.46, humidity: 40 });
    expect(components()).toEqual(["battery", "powered", "temperature", "humidity", "last_heard"]);
  });

  test("the discovery message is what Home Assistant's device discovery asks for", () => {
    const { clock, kept, publisher, hear } = world();
    publisher.connected();
    hear(node(10, { longName: "Ridge", hardware: "TBEAM", voltage: 4.1 }));
    clock.pass(3_000);
    expect(kept.get(CONFIG)).toEqual({
      device: {
        identifiers: ["meshtastic_0000000a"],
        name: "Ridge",
        manufacturer: "Meshtastic",
        model: "TBEAM",
        serial_number: "!0000000a",
      },
      origin: { name: "ZephyrGate", sw_version: "1.0.0" },
      state_topic: STATE,
      availability_mode: "all",
      availability: [
        { topic: "zephyrgate/json/1/status", value_template: "{{ value_json.state }}" },
        { topic: STATE, value_template: "{{ 'online' if value_json.online else 'offline' }}" },
      ],
      components: {
        voltage: {
          platform: "sensor",
          name: "Voltage",
          unique_id: "zephyrgate_0000000a_voltage",
          value_template: "{{ value_json.voltage }}",
          unit_of_measurement: "V",
          state_class: "measurement",
          device_class: "voltage",
        },
        last_heard: {
          platform: "sensor",
          name: "Last heard",
          unique_id: "zephyrgate_0000000a_last_heard",
          value_template: "{{ value_json.last_heard }}",
          device_class: "timestamp",
          entity_category: "diagnostic",
        },
      },
    });
  });

  test("a node of many packets: one state in the interval; one that did not change: none", () => {
    const { clock, publisher, hear, count } = world();
    publisher.connected();
    for (let second = 0; second < 600; second++) {
      hear(node(10, { batteryLevel: second % 100 }));
      clock.pass(1_000);
    }
    expect(count()).toBeLessThanOrEqual(12);
    const before = count();
    clock.pass(3_600_000);
    expect(count()).toBe(before + 1); // the last change of the ten minutes
  });

  test("a node that falls silent for a day is told as offline, though nobody hears it", () => {
    const { clock, kept, publisher, hear } = world();
    publisher.connected();
    hear(node(10));
    clock.pass(3_000);
    expect(kept.get(STATE)).toMatchObject({ online: true });
    clock.pass(24 * 3_600_000 + 120_000);
    expect(kept.get(STATE)).toMatchObject({ online: false });
  });
});

describe("removal", () => {
  test("a node that the gateway has forgotten leaves the broker, its device too", () => {
    const { clock, nodes, kept, publisher, hear } = world();
    publisher.connected();
    hear(node(10));
    hear(node(11));
    clock.pass(3_000);
    expect(kept.size).toBe(4);
    nodes.delete(10);
    clock.pass(70_000);
    expect([...kept.keys()].sort()).toEqual(["homeassistant/device/zephyrgate_0000000b/config", "zephyrgate/json/1/nodes/!0000000b"]);
  });

  test("what an earlier run left of a node that is not known, or not wanted any more, is removed", () => {
    const { clock, kept, publisher, hear } = world({ only: new Set(["!0000000b"]) });
    kept.set(STATE, {}).set(CONFIG, {});
    hear(node(10));
    hear(node(11));
    publisher.kept(10);
    publisher.connected();
    clock.pass(3_000);
    expect([...kept.keys()].every((topic) => topic.includes("0000000b"))).toBe(true);
    expect(kept.size).toBe(2);
  });

  test("devices go when Home Assistant is switched off, and the states stay", () => {
    const { clock, kept, publisher, hear } = world({ discovers: false });
    kept.set(STATE, {}).set(CONFIG, {});
    publisher.kept(10);
    publisher.connected();
    hear(node(10));
    hear(node(11));
    clock.pass(70_000);
    expect([...kept.keys()].sort()).toEqual([STATE, "zephyrgate/json/1/nodes/!0000000b"]);
  });
});

describe("bounds", () => {
  test("invented nodes: no more devices than allowed, and those that are there stay", () => {
    const { clock, kept, publisher, hear } = world({ max: 5 });
    publisher.connected();
    hear(node(10));
    clock.pass(3_000);
    for (let number = 100; number < 1_100; number++) hear(node(number));
    clock.pass(180_000);
    expect(publisher.size).toBe(5);
    expect(kept.size).toBe(10);
    expect(kept.has(STATE)).toBe(true);
  });

  test("a broker that takes little: everything comes in the end, and nothing twice", () => {
    const { clock, set, kept, publisher, hear, count } = world();
    publisher.connected();
    set.room = 0;
    for (let number = 10; number < 60; number++) hear(node(number));
    for (let turn = 0; turn < 40; turn++) {
      set.room = 3;
      clock.pass(2_000);
    }
    expect(kept.size).toBe(100);
    expect(count()).toBe(100);
  });

  test("a broker that forgot everything is told again", () => {
    const { clock, kept, publisher, hear } = world();
    publisher.connected();
    hear(node(10));
    clock.pass(3_000);
    kept.clear();
    publisher.connected();
    clock.pass(3_000);
    expect([...kept.keys()].sort()).toEqual([CONFIG, STATE]);
    publisher.stop();
    expect(clock.pending).toBe(0);
  });
});

describe("hostile nodes", () => {
  test("names are one harmless line, and figures are possible ones", () => {
    const name = "\u202e{{ states('sensor.secret') }}\n\u001b[31m<script>/#+$SYS";
    const state = nodeState(
      node(10, {
        longName: name,
        shortName: "\u0000",
        batteryLevel: -5,
        voltage: Number.NaN,
        snr: Number.POSITIVE_INFINITY,
        hopsAway: 99,
        lastHeard: Date.UTC(2400, 0, 1),
        telemetry: { environment_metrics: { temperature: "hot", relativeHumidity: 1e9 }, device_metrics: { channelUtilization: null } },
      }),
      Date.UTC(2026, 0, 1),
    );
    expect(state).toEqual({
      id: "!0000000a",
      name: "{{ states('sensor.secret') }} [31m<script>/#+$SYS",
      online: true,
      last_heard: "2026-01-01T00:00:00.000Z",
      link: "base",
      powered: false,
    });
  });

  test("nothing that a node tells is part of a topic, an id or a template", () => {
    const { clock, kept, publisher, hear } = world();
    publisher.connected();
    hear(node(10, { longName: "EVIL {{ 1 }}", shortName: "EVIL", hardware: "EVIL", role: "EVIL", snr: 1 }));
    clock.pass(3_000);
    const { components, device, ...rest } = kept.get(CONFIG) as { components: object; device: { name: string; model: string } };
    expect([...kept.keys()].join() + JSON.stringify([components, rest])).not.toContain("EVIL");
    expect(device).toMatchObject({ name: "EVIL {{ 1 }}", model: "EVIL" });
  });
});

test("topics: only nodes of the own tree, in one spelling", () => {
  expect(topics.nodeOf("zephyrgate/json/1/nodes/!0000000a")).toBe(10);
  for (const topic of [
    "zephyrgate/json/1/nodes/!0000000A",
    "zephyrgate/json/1/nodes/10",
    "other/json/1/nodes/!0000000a",
    "zephyrgate/json/1/send",
  ])
    expect(topics.nodeOf(topic)).toBeNull();
  expect(new Topics("club/summit", "homeassistant").discovery(10)).toBe("homeassistant/device/club_summit_0000000a/config");
});
