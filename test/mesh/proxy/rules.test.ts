/** What may pass between a radio and a broker: every line is something a hostile radio or broker tries. */
import { describe, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Mesh, Mqtt, Portnums } from "@meshtastic/protobufs";
import { filtersOf, judgeDown, judgeUp, type ProxyScope } from "../../../src/mesh/proxy/rules.ts";

const scope: ProxyScope = {
  root: "msh/EU",
  own: 0xa1,
  up: new Set(["LongFast", "Up"]),
  down: new Set(["LongFast", "Down"]),
  direct: true,
  map: false,
  encrypts: true,
};
const OWN = "!000000a1";
const OTHER = "!000000b2";

interface Written {
  readonly from?: number;
  readonly channelId?: string;
  readonly gateway?: string;
  readonly viaMqtt?: boolean;
  readonly hopLimit?: number;
  readonly decoded?: Portnums.PortNum;
  readonly bytes?: number;
}

function envelope({
  from = 0xb2,
  channelId = "LongFast",
  gateway = OTHER,
  viaMqtt = false,
  hopLimit = 3,
  decoded,
  bytes = 20,
}: Written = {}) {
  const payloadVariant =
    decoded === undefined
      ? ({ case: "encrypted", value: new Uint8Array(bytes) } as const)
      : ({ case: "decoded", value: create(Mesh.DataSchema, { portnum: decoded, payload: new Uint8Array(bytes) }) } as const);
  const packet = create(Mesh.MeshPacketSchema, { from, to: 0xffffffff, id: 7, viaMqtt, hopLimit, payloadVariant });
  return toBinary(Mqtt.ServiceEnvelopeSchema, create(Mqtt.ServiceEnvelopeSchema, { packet, channelId, gatewayId: gateway }));
}

describe("from the radio", () => {
  const own = (written: Written = {}) => envelope({ gateway: OWN, ...written });
  test.each([
    ["its own packet on a channel that passes", `msh/EU/2/e/LongFast/${OWN}`, own(), null],
    ["a packet that it heard from another node", `msh/EU/2/e/LongFast/${OWN}`, own({ from: 0xb2 }), null],
    ["a direct message", `msh/EU/2/e/PKI/${OWN}`, own({ channelId: "PKI" }), null],
    ["another node's topic", `msh/EU/2/e/LongFast/${OTHER}`, own(), "topic"],
    ["its own id in another spelling", "msh/EU/2/e/LongFast/!000000A1", own(), "topic"],
    ["another root", `zephyrgate/1/valley/2/e/LongFast/${OWN}`, own(), "topic"],
    ["a root above its own", `msh/2/e/LongFast/${OWN}`, own(), "topic"],
    ["a topic of the broker itself", "$SYS/broker/log", own(), "topic"],
    ["a wildcard", `msh/EU/2/e/#/${OWN}`, own(), "channel"],
    ["more levels", `msh/EU/2/e/LongFast/${OWN}/x`, own(), "topic"],
    ["fewer levels", "msh/EU/2/e/LongFast", own(), "topic"],
    ["an empty topic", "", own(), "topic"],
    ["the old JSON tree", `msh/EU/2/json/LongFast/${OWN}`, own(), "topic"],
    ["a channel that does not pass", `msh/EU/2/e/Secret/${OWN}`, own({ channelId: "Secret" }), "channel"],
    ["a channel that only comes down", `msh/EU/2/e/Down/${OWN}`, own({ channelId: "Down" }), "channel"],
    ["an envelope of another channel", `msh/EU/2/e/LongFast/${OWN}`, own({ channelId: "Secret" }), "malformed"],
    ["an envelope in another gateway's name", `msh/EU/2/e/LongFast/${OWN}`, own({ gateway: OTHER }), "malformed"],
    ["no envelope", `msh/EU/2/e/LongFast/${OWN}`, new TextEncoder().encode("hello"), "malformed"],
    ["nothing", `msh/EU/2/e/LongFast/${OWN}`, new Uint8Array(), "too_large"],
    ["more than a radio's message holds", `msh/EU/2/e/LongFast/${OWN}`, own({ bytes: 600 }), "too_large"],
    ["what came by MQTT", `msh/EU/2/e/LongFast/${OWN}`, own({ viaMqtt: true }), "from_mqtt"],
    ["its position, for the map", "msh/EU/2/map/", own({ from: 0xa1 }), "channel"],
  ])("%s", (_, topic, payload, verdict) => expect<string | null>(judgeUp(scope, topic, payload)).toBe(verdict));

  test("a map report passes where it is wanted, and only the radio's own", () => {
    const wanted = { ...scope, map: true };
    expect(judgeUp(wanted, "msh/EU/2/map/", own({ from: 0xa1 }))).toBeNull();
    expect(judgeUp(wanted, "msh/EU/2/map/", own({ from: 0xb2 }))).toBe("malformed");
  });
});

describe("from the broker", () => {
  const verdict = (topic: string, payload: Uint8Array, within: ProxyScope = scope) => {
    const judged = judgeDown(within, topic, payload);
    return typeof judged === "string" ? judged : judged.isOwn ? "echo" : "passes";
  };
  const admin = Portnums.PortNum.ADMIN_APP;
  const text = Portnums.PortNum.TEXT_MESSAGE_APP;
  test.each([
    ["a packet on a channel that comes down", `msh/EU/2/e/LongFast/${OTHER}`, envelope(), "passes"],
    ["a direct message", `msh/EU/2/e/PKI/${OTHER}`, envelope({ channelId: "PKI" }), "passes"],
    ["the radio's own envelope", `msh/EU/2/e/LongFast/${OWN}`, envelope({ from: 0xa1, gateway: OWN }), "echo"],
    ["an echo on a channel that only goes up", `msh/EU/2/e/Up/${OWN}`, envelope({ channelId: "Up", gateway: OWN }), "echo"],
    ["others' packets on a channel that only goes up", `msh/EU/2/e/Up/${OTHER}`, envelope({ channelId: "Up" }), "channel"],
    ["a packet in the radio's own name", `msh/EU/2/e/LongFast/${OTHER}`, envelope({ from: 0xa1 }), "from_mqtt"],
    ["a packet from nobody", `msh/EU/2/e/LongFast/${OTHER}`, envelope({ from: 0 }), "malformed"],
    ["a packet from everybody", `msh/EU/2/e/LongFast/${OTHER}`, envelope({ from: 0xffffffff }), "malformed"],
    ["more hops than there are", `msh/EU/2/e/LongFast/${OTHER}`, envelope({ hopLimit: 200 }), "malformed"],
    ["an order to the radio", `msh/EU/2/e/LongFast/${OTHER}`, envelope({ decoded: admin }), "not_encrypted"],
    ["a text in clear", `msh/EU/2/e/LongFast/${OTHER}`, envelope({ decoded: text }), "not_encrypted"],
    ["an envelope of another gateway", `msh/EU/2/e/LongFast/${OTHER}`, envelope({ gateway: "!000000c3" }), "malformed"],
    ["no envelope", `msh/EU/2/e/LongFast/${OTHER}`, new Uint8Array(40).fill(255), "malformed"],
    ["a topic that a radio cannot hold", `msh/EU/2/e/${"x".repeat(60)}/${OTHER}`, envelope(), "too_large"],
    ["more than a radio can hold", `msh/EU/2/e/LongFast/${OTHER}`, envelope({ bytes: 500 }), "too_large"],
  ])("%s", (_, topic, payload, expected) => expect(verdict(topic, payload)).toBe(expected));

  test("in clear only where the radio itself does not encrypt, and never an order", () => {
    const open = { ...scope, encrypts: false };
    expect(verdict(`msh/EU/2/e/LongFast/${OTHER}`, envelope({ decoded: text }), open)).toBe("passes");
    expect(verdict(`msh/EU/2/e/LongFast/${OTHER}`, envelope({ decoded: admin }), open)).toBe("not_encrypted");
  });
});

test("what is read at the broker: the channels that come down, and the own topics of those that go up", () => {
  expect(filtersOf(scope)).toEqual(["msh/EU/2/e/LongFast/+", "msh/EU/2/e/Down/+", `msh/EU/2/e/Up/${OWN}`, "msh/EU/2/e/PKI/+"]);
  expect(filtersOf({ ...scope, down: new Set(), direct: true })).toContain(`msh/EU/2/e/PKI/${OWN}`);
  expect(filtersOf({ ...scope, direct: false }).some((filter) => filter.includes("PKI"))).toBe(false);
});
