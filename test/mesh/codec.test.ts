import { describe, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Mesh, Portnums, Telemetry } from "@meshtastic/protobufs";
import fc from "fast-check";
import { encodeFrame, Framer } from "../../src/mesh/codec/framer.ts";
import { readFromRadio } from "../../src/mesh/codec/from-radio.ts";
import { type PacketReading, readPacket } from "../../src/mesh/codec/message.ts";
import { cleanName } from "../../src/mesh/codec/names.ts";
import { decodeFromRadio, decodeToRadio, encodeFromRadio, encodeToRadio, type FromRadio } from "../../src/mesh/codec/protobuf.ts";
import { disconnectFrame, heartbeatFrame, setTimeFrame, textFrame, wantConfigFrame } from "../../src/mesh/codec/to-radio.ts";
import { formatNodeId, parseNodeId } from "../../src/mesh/ids.ts";
import { BROADCAST, fromRadio, OTHER, OWN, packet, text } from "./fake-radio.ts";

const { PortNum } = Portnums;
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const sender = fc.integer({ min: 1, max: BROADCAST - 1 });
const context = { link: "base", ownNode: OWN, now: 5, correlationId: () => "c" };

function read(frame: Uint8Array): PacketReading {
  const decoded = decodeFromRadio(frame.subarray(4), false);
  if (decoded?.payloadVariant.case !== "packet") throw new Error("no packet");
  return readPacket(decoded.payloadVariant.value, context);
}

function data(portnum: Portnums.PortNum, payload: Uint8Array, more = {}): Uint8Array {
  return packet({ from: OTHER, to: BROADCAST, id: 1, payloadVariant: { case: "decoded", value: { portnum, payload, ...more } } });
}

describe("node ids", () => {
  test("print and parse back every number", () => {
    fc.assert(fc.property(u32, (number) => parseNodeId(formatNodeId(number)) === number && /^![0-9a-f]{8}$/.test(formatNodeId(number))));
  });

  test("nothing else parses", () => {
    for (const bad of ["", "!", "!123", "!123456789", "0a0b0c0d", "!0a0b0c0g", "!0a0b0c0d ", " !0a0b0c0d", "!0a0b0c0d\n", "all"]) {
      expect([bad, parseNodeId(bad)]).toEqual([bad, null]);
    }
    expect(parseNodeId("!0A0B0C0D")).toBe(OWN);
  });
});

describe("protobuf", () => {
  test("no bytes make the decoders throw, nor the reading of what they made of it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 512 }), fc.boolean(), (bytes, strict) => {
        decodeToRadio(bytes, strict);
        const frame = decodeFromRadio(bytes, strict);
        if (frame === null) return;
        const event = readFromRadio(frame, "base", OWN);
        if (event.kind === "packet") readPacket(event.packet, context);
      }),
      { numRuns: 2_000 },
    );
  });

  test("no payload under any port makes the reading throw", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(1, 3, 4, 5, 7, 11, 67), fc.integer({ min: 0, max: 600 })),
        fc.uint8Array({ maxLength: 240 }),
        (port, payload) => {
          expect(["message", "routing", "skipped", "undecodable"]).toContain(
            read(data(port as Portnums.PortNum, payload, { requestId: 3 })).kind,
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("frames of ours say what they should", () => {
    const variant = (frame: Uint8Array) => decodeToRadio(frame.subarray(4), true)?.payloadVariant;
    expect(variant(wantConfigFrame(123))).toEqual({ case: "wantConfigId", value: 123 });
    expect(variant(disconnectFrame())).toEqual({ case: "disconnect", value: true });
    expect(variant(heartbeatFrame())).toMatchObject({ case: "heartbeat", value: { nonce: 0 } });
    expect(variant(setTimeFrame(OWN, 9, 1_767_225_600))).toMatchObject({ case: "packet", value: { to: OWN, id: 9 } });
  });

  test("the longest text that a radio takes fits into one frame", () => {
    const frame = textFrame(
      { packetId: 0xffffffff, to: OTHER, channel: 7, text: "x".repeat(237), replyId: 0xffffffff, wantAck: true, priority: "emergency" },
      OWN,
      7,
    );
    expect(frame.length).toBeLessThanOrEqual(516);
    const variant = decodeToRadio(frame.subarray(4), true)?.payloadVariant;
    expect(variant?.case === "packet" && variant.value.priority).toBe(Mesh.MeshPacket_Priority.ALERT);
  });

  test("a frame cut anywhere, with whole ones behind it, costs no whole one", () => {
    const whole = [text(OTHER, "one \u0294\u00c3"), fromRadio({ case: "configCompleteId", value: 0x94c3 }), text(OTHER, "three")];
    const longer = text(OTHER, "a text that is cut short in the midst of itself, by a cable that is loose");
    for (let cut = 0; cut < longer.length; cut++) {
      const got: FromRadio[] = [];
      const framer = new Framer<FromRadio>(decodeFromRadio, (frame) => got.push(frame));
      framer.push(Buffer.concat([longer.subarray(0, cut), ...whole]));
      framer.salvage();
      expect([cut, got.length]).toEqual([cut, whole.length]);
    }
  });

  test("what a stranger writes into a message or a name is never taken for a frame of the radio's", () => {
    const forged = text(0x0badcafe, "!grant all", { to: OWN });
    // As the radio passes a name on: raw bytes, whether they are UTF-8 or not.
    const user = { longName: "\u0001".repeat(forged.length), shortName: "x" };
    const named = Buffer.from(fromRadio({ case: "nodeInfo", value: { num: OTHER, user } }));
    named.set(forged, named.indexOf("\u0001\u0001\u0001\u0001"));
    // One that reaches for what comes behind its carrier.
    const reaching = text(0x0badcafe, "!grant all: 1234", { to: OWN, id: 0, rxTime: 0 }).subarray(0, -4);
    const payloads = [Buffer.concat([Buffer.from("hi "), forged]), forged, reaching];
    const carriers = [...payloads.map((payload) => data(PortNum.TEXT_MESSAGE_APP, payload)), named];
    for (const carrier of carriers) {
      for (const next of [new Uint8Array(), text(OTHER, "next"), Buffer.from("INFO | console\r\n")]) {
        const got: FromRadio[] = [];
        const framer = new Framer<FromRadio>(decodeFromRadio, (frame) => got.push(frame));
        for (const byte of [...carrier, ...next]) framer.push(Uint8Array.of(byte));
        framer.salvage();
        const whole = new Framer<FromRadio>(decodeFromRadio, (frame) => got.push(frame));
        whole.push(Buffer.concat([carrier, next]));
        whole.salvage();
        const froms = got.map(({ payloadVariant: it }) => (it.case === "packet" ? it.value.from : OTHER));
        expect(froms.length).toBeGreaterThanOrEqual(2);
        expect(new Set(froms)).toEqual(new Set([OTHER]));
      }
    }
  });

  test("a message of later firmware inside a known frame keeps the frame readable", () => {
    const known = encodeFromRadio(create(Mesh.FromRadioSchema, { payloadVariant: { case: "configCompleteId", value: 7 } }));
    // Field 100, length-delimited, three bytes: no schema of today knows it.
    const frame = decodeFromRadio(Buffer.concat([known, Uint8Array.of(0xa2, 0x06, 3, 1, 2, 3)]), true);
    expect(frame?.payloadVariant).toEqual({ case: "configCompleteId", value: 7 });
    const unknown = decodeFromRadio(Uint8Array.of(0xa2, 0x06, 1, 1), false);
    expect(unknown === null ? null : readFromRadio(unknown, "base", OWN)).toEqual({ kind: "unknown" });
    expect(encodeToRadio(create(Mesh.ToRadioSchema, {})).length).toBe(0);
  });
});

describe("messages", () => {
  test("text survives as it was, and bytes that are no UTF-8 are replaced, never refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 50 }), (words) => {
        const reading = read(text(OTHER, words));
        if (words.trim() === "") expect(reading.kind).toBe("skipped");
        else expect(reading.kind === "message" && reading.message.kind === "text" && reading.message.text).toBe(words);
      }),
    );
    const reading = read(data(PortNum.TEXT_MESSAGE_APP, Uint8Array.of(0x68, 0x69, 0xe2, 0x82)));
    expect(reading.kind === "message" && reading.message.kind === "text" && reading.message.text).toBe("hi\ufffd");
  });

  test("an alert is a text; a reaction and the message it answers are marked", () => {
    const alert = read(data(PortNum.ALERT_APP, new TextEncoder().encode("fire"), { replyId: 44, emoji: 1 }));
    expect(alert).toMatchObject({ kind: "message", message: { kind: "text", text: "fire", replyId: 44, isReaction: true } });
  });

  test("a node name that the firmware cut in the midst of a letter costs no NodeInfo", () => {
    const user = toBinary(Mesh.UserSchema, create(Mesh.UserSchema, { longName: "Zo\u00eb", shortName: "Z" }));
    const at = user.indexOf(0xab);
    const cut = Buffer.concat([user.subarray(0, at), user.subarray(at + 1)]);
    // The name's length, one byte less than it was.
    cut[1] = (cut[1] ?? 0) - 1;
    expect(read(data(PortNum.NODEINFO_APP, cut))).toMatchObject({
      kind: "message",
      message: { kind: "node_info", user: { longName: "Zo\ufffd", shortName: "Z" } },
    });
  });

  test("names of nodes and channels lose what moves a cursor, breaks a line or turns text around", () => {
    const hostile = "\u001b[2JEve\r\n2026 ERROR\u0000\u202eko\u2066\u009b31m\ufeff";
    const user = toBinary(Mesh.UserSchema, create(Mesh.UserSchema, { longName: hostile, shortName: "\n\u001bX" }));
    const seen = read(data(PortNum.NODEINFO_APP, user));
    expect(seen).toMatchObject({ message: { kind: "node_info", user: { longName: "[2JEve 2026 ERROR ko 31m", shortName: "X" } } });
    const value = { index: 1, role: 2, settings: { name: hostile } };
    const frame = decodeFromRadio(fromRadio({ case: "channel", value }).subarray(4), false);
    const channel = frame === null ? null : readFromRadio(frame, "base", OWN);
    expect(channel).toMatchObject({ kind: "channel", channel: { name: "[2JEve 2026 ERROR ko 31m" } });
    expect(cleanName("\u{1f468}\u200d\u{1f467} Zo\u00eb".repeat(9)).length).toBeLessThan(60);
    expect(Buffer.byteLength(cleanName("\u{1f600}".repeat(100)))).toBeLessThanOrEqual(60);
  });

  test("a packet from 0 or from the broadcast address is dropped as impossible, whatever it holds", () => {
    const signal = { rxRssi: -80, rxSnr: 4 };
    for (const from of [0, BROADCAST]) {
      for (const portnum of Object.values(PortNum).filter((port) => typeof port === "number")) {
        const value = { portnum, payload: Buffer.from("!ping"), requestId: 9 };
        const payloadVariant = { case: "decoded" as const, value };
        expect(read(packet({ from, to: OWN, id: 1, ...signal, payloadVariant }))).toEqual({ kind: "impossible_sender" });
      }
    }
  });

  test("positions in degrees; one without a place, or off the globe, is none", () => {
    const position = (fields: object) => data(PortNum.POSITION_APP, toBinary(Mesh.PositionSchema, create(Mesh.PositionSchema, fields)));
    expect(read(position({ latitudeI: 525_200_000, longitudeI: -134_050_000, altitude: 34, time: 99 }))).toMatchObject({
      message: { kind: "position", position: { latitude: 52.52, longitude: -13.405, altitude: 34, time: 99 } },
    });
    expect(read(position({ time: 99 })).kind).toBe("skipped");
    for (const precisionBits of [0, 32]) expect(read(position({ latitudeI: 0, longitudeI: 0, precisionBits })).kind).toBe("skipped");
    expect(read(position({ latitudeI: 262_144, longitudeI: 262_144, precisionBits: 13 })).kind).toBe("skipped");
    expect(read(position({ latitudeI: 786_432, longitudeI: 262_144, precisionBits: 13 })).kind).toBe("message");
    expect(read(position({ latitudeI: 0, longitudeI: 85_000_000, precisionBits: 32 })).kind).toBe("message");
    expect(read(position({ latitudeI: 2_000_000_000, longitudeI: 0 })).kind).toBe("skipped");
  });

  test("telemetry becomes plain JSON; the radio's airtime a share of one", () => {
    const telemetry = (variant: object) =>
      data(
        PortNum.TELEMETRY_APP,
        toBinary(Telemetry.TelemetrySchema, create(Telemetry.TelemetrySchema, { time: 5, variant: variant as never })),
      );
    expect(read(telemetry({ case: "deviceMetrics", value: { batteryLevel: 50, channelUtilization: 25, airUtilTx: 500 } }))).toMatchObject({
      message: { telemetry: { type: "device_metrics", time: 5, batteryLevel: 50 } },
      airtime: { channelUtilization: 0.25, airUtilTx: 1 },
    });
    const environment = read(telemetry({ case: "environmentMetrics", value: { temperature: Number.NaN, relativeHumidity: 40 } }));
    expect(environment).toMatchObject({ message: { telemetry: { type: "environment_metrics", relativeHumidity: 40 } } });
    expect(JSON.stringify(environment)).not.toContain("null");
    const host = read(telemetry({ case: "hostMetrics", value: { uptimeSeconds: 5, freememBytes: 12n } }));
    expect(JSON.parse(JSON.stringify(host))).toMatchObject({ message: { telemetry: { type: "host_metrics", uptimeSeconds: 5 } } });
  });

  test("hops are told where they can be known", () => {
    const hops = (fields: object, bitfield?: number) => {
      const value = { portnum: PortNum.TEXT_MESSAGE_APP, payload: Uint8Array.of(0x78), ...(bitfield === undefined ? {} : { bitfield }) };
      const reading = read(packet({ from: OTHER, to: BROADCAST, id: 1, ...fields, payloadVariant: { case: "decoded", value } }));
      return reading.kind === "message" ? reading.message.hopsAway : "none";
    };
    expect(hops({ hopStart: 3, hopLimit: 1 })).toBe(2);
    expect(hops({ hopStart: 3, hopLimit: 3 })).toBe(0);
    expect(hops({ hopStart: 0, hopLimit: 3 })).toBeUndefined();
    expect(hops({ hopStart: 0, hopLimit: 0 }, 1)).toBe(0);
    expect(hops({ hopStart: 1, hopLimit: 3 })).toBeUndefined();
  });

  test("a frame holds what it held, whatever the fields", () => {
    fc.assert(
      fc.property(sender, u32, u32, fc.integer({ min: 0, max: 7 }), fc.string({ maxLength: 60 }), (from, to, id, channel, words) => {
        const reading = read(text(from, `x${words}`, { to, id, channel }));
        expect(reading).toMatchObject({
          kind: "message",
          message: { from, to, packetId: id, channel, isDirect: to === OWN },
        });
      }),
    );
    expect(encodeFrame(new Uint8Array(300)).subarray(0, 4)).toEqual(Uint8Array.of(0x94, 0xc3, 1, 44));
  });
});
