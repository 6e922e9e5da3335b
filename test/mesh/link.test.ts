import { afterEach, describe, expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import { Admin, Mesh, Portnums } from "@meshtastic/protobufs";
import type { LogFields, Logger } from "../../src/log/logger.ts";
import { MeshLink } from "../../src/mesh/link/link.ts";
import type { LinkStatus } from "../../src/mesh/link-status.ts";
import type { MeshMessage } from "../../src/mesh/message.ts";
import { NodeDirectory } from "../../src/mesh/nodes/directory.ts";
import type { OutgoingText, QueueReport, RoutingReport } from "../../src/mesh/radio.ts";
import { FakeClock, fakeRandom, settle } from "../fake-clock.ts";
import { BROADCAST, FakeRadio, fromRadio, OTHER, OWN, packet, text } from "./fake-radio.ts";

const { PortNum } = Portnums;

function recordingLog(lines: string[]): Logger {
  const at = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  const log: Logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), child: () => log };
  return log;
}

function bench(radio = new FakeRadio()) {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const lines: string[] = [];
  const log = recordingLog(lines);
  const nodes = new NodeDirectory({ clock, log });
  let id = 0;
  const isClockTrusted = () => clock.now() > Date.UTC(2024, 0, 1);
  const link = new MeshLink("base", radio, { clock, random: fakeRandom(), log, correlationId: () => `c${id++}`, nodes, isClockTrusted });
  const messages: MeshMessage[] = [];
  const states: LinkStatus["state"][] = [];
  const queue: QueueReport[] = [];
  const routing: RoutingReport[] = [];
  link.onMessage((message) => messages.push(message));
  link.onState((status) => states.push(status.state));
  link.onQueue((report) => queue.push(report));
  link.onRouting((report) => routing.push(report));
  return { radio, clock, lines, nodes, link, messages, states, queue, routing };
}

type Bench = ReturnType<typeof bench>;
const benches: Bench[] = [];

async function up(radio?: FakeRadio): Promise<Bench> {
  const made = bench(radio);
  benches.push(made);
  made.link.start();
  await settle();
  expect(made.link.status().state).toBe("up");
  return made;
}

afterEach(async () => {
  for (const { link, clock } of benches.splice(0)) {
    // Whatever a test did to it: the link is up, or something will open it again.
    expect(link.isAttended).toBe(true);
    await link.stop();
    expect(clock.pending).toBe(0);
  }
});

const hello: OutgoingText = { packetId: 4711, to: OTHER, channel: 0, text: "héllo", wantAck: true, priority: "normal", replyId: 9 };

describe("link: handshake", () => {
  test("goes up when the configuration is complete, and tells what the radio is", async () => {
    const { link, states, nodes, lines, queue } = await up();
    expect(states).toEqual(["connecting", "configuring", "up"]);
    expect(link.status()).toMatchObject({
      name: "base",
      type: "tcp",
      ownNode: OWN,
      firmware: "2.7.15.567b8ea",
      modemPreset: "LONG_FAST",
      channelUtilization: 0.125,
      airUtilTx: 0.01,
      channels: [
        { index: 0, name: "LongFast", role: "primary" },
        { index: 1, name: "ops", role: "secondary" },
        { index: 2, name: "", role: "disabled" },
      ],
    });
    expect(nodes.get(OWN)).toMatchObject({ id: "!0a0b0c0d", longName: "Base", isOwn: true, batteryLevel: 101 });
    expect(nodes.get(OTHER)).toMatchObject({ longName: "Other", isOwn: false, snr: 6.25, hopsAway: 1, lastHeard: 1_767_000_000_000 });
    expect(queue).toEqual([]);
    expect(lines.join("\n")).not.toContain("never-log");
    expect(JSON.stringify(link.status())).not.toContain("psk");
  });

  test("tells region, duty cycle and settings of its own from the radio's LoRa settings", async () => {
    const { radio, link } = await up();
    const lora = (value: object) =>
      radio.send(fromRadio({ case: "config", value: { payloadVariant: { case: "lora", value: { usePreset: false, ...value } } } }));
    lora({ region: 3, bandwidth: 62, spreadFactor: 9, codingRate: 6 });
    const modem = { spreadingFactor: 9, bandwidth: 62.5, codingRate: 6 };
    expect(link.status()).toMatchObject({ region: "EU_868", dutyCycle: 0.1, modemPreset: "CUSTOM", modem });
    lora({ region: 3, overrideDutyCycle: true });
    expect(link.status().dutyCycle).toBeUndefined();
    expect(link.status().modem).toBeUndefined();
    lora({ region: 1, usePreset: true, modemPreset: 3 });
    expect(link.status()).toMatchObject({ region: "US", modemPreset: "MEDIUM_SLOW" });
    expect(link.status().dutyCycle).toBeUndefined();
  });

  test("a measure of the channel's use that is older than two intervals is no longer believed", async () => {
    const { link, clock } = await up();
    await clock.advance(119_000);
    expect(link.status().channelUtilization).toBe(0.125);
    await clock.advance(2_000);
    expect(link.status().channelUtilization).toBeUndefined();
    expect(link.status().airUtilTx).toBeUndefined();
  });

  test("sets the clock of a radio that shows none once, and not again while it is right", async () => {
    const { radio, clock } = await up();
    await clock.advance(10_000);
    expect(radio.count("packet")).toBe(1);
    for (let i = 0; i < 24; i++) {
      await clock.advance(3_600_000);
      radio.send(text(OTHER, "hello", { id: 1_000 + i, rxTime: Math.floor(clock.now() / 1000) }));
    }
    expect(radio.count("packet")).toBe(1);
  });

  test("a radio that keeps a wrong clock is said once in a while, and its packets are no older for it", async () => {
    const { radio, clock, messages } = await up();
    for (let i = 0; i < 60; i++) {
      await clock.advance(60_000);
      radio.send(text(OTHER, "hello", { id: 1_000 + i, rxTime: Math.floor(clock.now() / 1000) - 86_400 }));
    }
    expect(radio.count("packet")).toBeLessThanOrEqual(4);
    expect(messages.at(-1)?.ageS).toBe(0);
  });

  test("sets the radio's clock, with its own node as the address", async () => {
    const { radio, clock } = await up();
    await settle();
    const sent = radio.received.flatMap(({ payloadVariant: it }) => (it.case === "packet" ? [it.value] : []));
    expect(sent.length).toBe(1);
    const [admin] = sent;
    expect([admin?.from, admin?.to]).toEqual([OWN, OWN]);
    expect(admin?.id).not.toBe(0);
    const data = admin?.payloadVariant.case === "decoded" ? admin.payloadVariant.value : null;
    expect(data?.portnum).toBe(PortNum.ADMIN_APP);
    const message = fromBinary(Admin.AdminMessageSchema, data?.payload ?? new Uint8Array());
    expect(message.payloadVariant).toEqual({ case: "setTimeOnly", value: Math.floor(clock.now() / 1000) });
  });

  test("does not set the radio's clock before its own is set, but as soon as it is", async () => {
    const made = bench();
    benches.push(made);
    made.clock.jumpWall(-made.clock.now());
    made.link.start();
    await settle();
    expect(made.radio.count("packet")).toBe(0);
    made.clock.jumpWall(Date.UTC(2026, 5, 1));
    await made.clock.advance(300_000);
    expect(made.radio.count("packet")).toBe(1);
  });

  test("wakes a serial radio, and asks one again that does not answer", async () => {
    const radio = new FakeRadio("serial");
    radio.isMute = true;
    const made = bench(radio);
    benches.push(made);
    made.link.start();
    await made.clock.advance(6_000);
    expect(radio.count("wantConfigId")).toBe(2);
    radio.isMute = false;
    await made.clock.advance(5_000);
    expect(made.link.status().state).toBe("up");
  });

  test("only the answer to its own number counts", async () => {
    const radio = new FakeRadio();
    radio.isMute = true;
    const made = bench(radio);
    benches.push(made);
    made.link.start();
    await settle();
    radio.sendBurst(1);
    await settle();
    expect(made.link.status().state).toBe("configuring");
  });

  test("gives up on a device that never answers, with what may be wrong, and tries again", async () => {
    const radio = new FakeRadio("serial");
    radio.isMute = true;
    const made = bench(radio);
    benches.push(made);
    made.link.start();
    await made.clock.advance(21_000);
    expect(made.link.status()).toMatchObject({ state: "waiting", reason: expect.stringContaining("it is a Meshtastic radio") });
    expect(radio.isConnected).toBe(false);
    await made.clock.advance(5_000);
    expect(radio.opens).toBe(2);
  });
});

describe("link: staying up", () => {
  test("sends a heartbeat in time, with nonce 0, and stays up while the radio answers", async () => {
    const { radio, clock, link } = await up();
    await clock.advance(3_600_000);
    expect(radio.count("heartbeat")).toBeGreaterThanOrEqual(12);
    expect(radio.received.every(({ payloadVariant: it }) => it.case !== "heartbeat" || it.value.nonce === 0)).toBe(true);
    expect(radio.opens).toBe(1);
    expect(link.status().state).toBe("up");
  });

  test("a radio that falls silent is opened again", async () => {
    const { radio, clock, link } = await up();
    await clock.advance(100_000);
    radio.isMute = true;
    await clock.advance(60_000);
    expect(link.status().reason).toContain("silent");
    radio.isMute = false;
    await clock.advance(60_000);
    expect(link.status().state).toBe("up");
    expect(link.status().counters.reconnects).toBeGreaterThan(0);
  });

  test("tries for ever, with pauses that grow from 1 s to at most 60 s and vary", async () => {
    const { radio, clock, link, lines } = await up();
    radio.isRefusing = true;
    const opened: number[] = [];
    const open = radio.open.bind(radio);
    radio.open = (events, signal) => {
      opened.push(clock.monotonic());
      return open(events, signal);
    };
    radio.end({ by: "remote" });
    await clock.advance(20 * 60_000);
    const pauses = opened.map((at, index) => at - (opened[index - 1] ?? 0)).map((pause) => pause / 1000);
    expect(pauses[0]).toBeWithin(1, 2.001);
    expect(pauses[1]).toBeWithin(2, 4.001);
    for (const pause of pauses.slice(6)) expect(pause).toBeWithin(30, 60.001);
    expect(new Set(pauses.slice(6)).size).toBeGreaterThan(5);
    expect(link.status()).toMatchObject({ state: "waiting", reason: "nobody there (plug it in)" });
    expect(lines.filter((line) => line.startsWith("warn")).length).toBeLessThanOrEqual(4);
    radio.isRefusing = false;
    await clock.advance(61_000);
    expect(link.status().state).toBe("up");
  });

  test("a reboot told by the radio starts the handshake anew on the same connection", async () => {
    const { radio, states, link } = await up();
    radio.send(fromRadio({ case: "rebooted", value: true }));
    expect(link.status().state).toBe("configuring");
    expect(await link.sendText(hello)).toMatchObject({ ok: false });
    await settle();
    expect(states).toEqual(["connecting", "configuring", "up", "configuring", "up"]);
    expect(radio.opens).toBe(1);
    expect(radio.count("wantConfigId")).toBe(2);
  });

  test("another program at the same node is suspected in the log, and the pauses grow", async () => {
    const { radio, clock, lines } = await up();
    const dropAfter = async (ms: number) => {
      while (!radio.isConnected) await clock.advance(500);
      await clock.advance(ms);
      radio.end({ by: "remote" });
    };
    for (const ms of [10, 10, 40_000, 10, 10]) await dropAfter(ms);
    expect(lines.some((line) => line.includes("another program"))).toBe(false);
    await dropAfter(10);
    await dropAfter(10);
    const told = lines.filter((line) => line.includes("another program"));
    expect(told.length).toBe(1);
    expect(told[0]).toContain("only one TCP client");
  });
});

describe("link: messages", () => {
  test("delivers a text with all that is known of it", async () => {
    const { radio, messages, clock, nodes, link } = await up();
    radio.send(text(OTHER, "hi", { to: OWN, rxSnr: 5.5, rxRssi: -90, hopStart: 5, hopLimit: 3, channel: 0, pkiEncrypted: true }));
    expect(messages).toEqual([
      {
        kind: "text",
        correlationId: "c0",
        link: "base",
        packetId: 77,
        from: OTHER,
        to: OWN,
        channel: 0,
        isDirect: true,
        receivedAt: clock.now(),
        rxTime: 1_767_225_600,
        ageS: 0,
        snr: 5.5,
        rssi: -90,
        hopsAway: 2,
        hopLimit: 3,
        pkiEncrypted: true,
        viaMqtt: false,
        text: "hi",
        isReaction: false,
      },
    ]);
    expect(nodes.get(OTHER)).toMatchObject({ snr: 5.5, rssi: -90, hopsAway: 2, lastHeard: 1_767_225_600_000 });
    expect(link.status().counters.packetsIn).toBe(1);
  });

  test("leaves out own echoes, texts for others and ports it does not know; none is fatal", async () => {
    const { radio, messages, link } = await up();
    const unknownPort = { case: "decoded", value: { portnum: 300 as never, payload: Uint8Array.of(1) } } as const;
    const badPosition = { case: "decoded", value: { portnum: PortNum.POSITION_APP, payload: Uint8Array.of(0xff, 0xff) } } as const;
    radio.send(
      text(OWN, "own echo"),
      text(OTHER, "for somebody else", { to: 0x33 }),
      packet({ from: OTHER, to: BROADCAST, id: 5, payloadVariant: unknownPort }),
      packet({ from: OTHER, to: BROADCAST, id: 6, payloadVariant: badPosition }),
      packet({ from: OTHER, to: BROADCAST, id: 7, payloadVariant: { case: "encrypted", value: Uint8Array.of(1, 2, 3) } }),
      fromRadio(undefined),
      text(OTHER, "good"),
    );
    expect(messages.map((message) => message.kind === "text" && message.text)).toEqual(["good"]);
    expect(link.status().counters).toMatchObject({ packetsIn: 6, duplicates: 1, undecodable: 1 });
  });

  test("tells acks, naks and queue reports", async () => {
    const { radio, routing, queue } = await up();
    const ack = (payload: Uint8Array, requestId: number) =>
      packet({
        from: OTHER,
        to: OWN,
        id: 8,
        payloadVariant: { case: "decoded", value: { portnum: PortNum.ROUTING_APP, payload, requestId } },
      });
    radio.send(
      ack(Uint8Array.of(0x18, 0), 4711),
      ack(Uint8Array.of(0x18, 5), 4712),
      ack(Uint8Array.of(0x18, 5), 0),
      fromRadio({ case: "queueStatus", value: { res: 32, free: 0, maxlen: 16, meshPacketId: 4711 } }),
    );
    expect(routing).toEqual([
      { link: "base", packetId: 4711, from: OTHER, errorReason: 0 },
      { link: "base", packetId: 4712, from: OTHER, errorReason: 5 },
    ]);
    expect(queue).toEqual([{ link: "base", packetId: 4711, res: 32, free: 0, maxlen: 16 }]);
  });

  test("sends a text as the radio wants it", async () => {
    const { radio, link } = await up();
    expect(await link.sendText(hello)).toEqual({ ok: true, value: null });
    const sent = radio.received.at(-1)?.payloadVariant;
    expect(sent?.case).toBe("packet");
    if (sent?.case !== "packet") return;
    expect(sent.value).toMatchObject({
      from: OWN,
      to: OTHER,
      id: 4711,
      channel: 0,
      wantAck: true,
      hopLimit: 5,
      priority: Mesh.MeshPacket_Priority.UNSET,
    });
    const data = sent.value.payloadVariant;
    expect(data.case === "decoded" && [data.value.portnum, data.value.replyId, new TextDecoder().decode(data.value.payload)]).toEqual([
      PortNum.TEXT_MESSAGE_APP,
      9,
      "héllo",
    ]);
    expect(link.status().counters.packetsOut).toBe(1);
    expect(await link.sendText({ ...hello, text: "x".repeat(238) })).toMatchObject({ ok: false, error: { code: "too_large" } });
  });

  test("does not send while it is not up", async () => {
    const { radio, link, clock } = await up();
    radio.isRefusing = true;
    radio.end({ by: "remote" });
    expect(await link.sendText(hello)).toMatchObject({ ok: false, error: { code: "link_down" } });
    await clock.advance(10);
  });

  test("rubbish is counted, told at most once a minute, and the frames in it are found", async () => {
    const { radio, link, clock, messages, lines } = await up();
    const rubbish = Buffer.from("DEBUG | 00:00:12 [Router] \x94\x94\xc3\xff\xff nothing\r\n", "latin1");
    for (let second = 0; second < 120; second++) {
      radio.send(rubbish, Uint8Array.of(0x94, 0xc3, 0, 3, 0xff, 0xff, 0xff), text(OTHER, `n${second}`), rubbish);
      await clock.advance(1_000);
    }
    expect(messages.length).toBe(120);
    expect(link.status().counters.garbageBytes).toBeGreaterThanOrEqual(120 * 2 * rubbish.length);
    expect(link.status().counters.undecodable).toBe(120);
    expect(link.status().state).toBe("up");
    const told = lines.filter((line) => line.includes("skipped"));
    expect(told.length).toBeWithin(2, 4);
  });

  test("a good frame behind one cut short comes out after a moment", async () => {
    const { radio, clock, messages } = await up();
    radio.send(text(OTHER, "a long one that is cut short by a loose cable").subarray(0, 30), text(OTHER, "whole"));
    expect(messages).toEqual([]);
    await clock.advance(1_000);
    expect(messages.map((message) => message.kind === "text" && message.text)).toEqual(["whole"]);
  });

  test("a listener that throws harms neither the link nor the others", async () => {
    const { radio, link, messages, lines } = await up();
    link.onMessage(() => {
      throw new Error("listener broke");
    });
    radio.send(text(OTHER, "one"), text(OTHER, "two"));
    expect(messages.length).toBe(2);
    expect(lines.filter((line) => line.startsWith("error")).length).toBe(2);
  });
});

describe("link: end", () => {
  test("a connection that never tells its end does not keep the link dead", async () => {
    const { radio, clock, link } = await up();
    radio.isMute = true;
    radio.isDeafToClose = true;
    await clock.advance(170_000);
    expect(radio.opens).toBeGreaterThan(1);
    radio.isDeafToClose = false;
    radio.isMute = false;
    await clock.advance(120_000);
    expect(link.status().state).toBe("up");
  });

  test("stop says disconnect, closes, may be called again, and nothing comes after", async () => {
    const { radio, link, clock, states, messages } = await up();
    await Promise.all([link.stop(), link.stop()]);
    await link.stop();
    expect(radio.received.at(-1)?.payloadVariant.case).toBe("disconnect");
    expect(radio.isConnected).toBe(false);
    await clock.advance(300_000);
    expect([radio.opens, states.at(-1), messages.length]).toEqual([1, "stopped", 0]);
  });

  test("can be stopped while it waits and while it opens, and started again", async () => {
    const made = bench();
    benches.push(made);
    made.radio.isRefusing = true;
    made.link.start();
    made.link.start();
    await settle();
    expect(made.link.status().state).toBe("waiting");
    await made.link.stop();
    made.radio.isRefusing = false;
    made.link.start();
    const stopped = made.link.stop();
    made.link.start();
    await stopped;
    await settle();
    expect(made.link.status().state).toBe("up");
    expect(made.states.filter((state) => state === "up").length).toBe(1);
  });
});

describe("link: a device that goes away", () => {
  function gone() {
    const radio = new FakeRadio("serial");
    let device: string | null = "1/1";
    const setDevice = (next: string | null) => {
      device = next;
      radio.isRefusing = next === null;
    };
    return { radio: Object.assign(radio, { device: () => device }), setDevice };
  }

  test("is not tried while it is away, and opened within two seconds of its return, however long that took", async () => {
    const { radio, setDevice } = gone();
    const { link, clock, lines } = await up(radio);
    setDevice(null);
    radio.end({ by: "remote" });
    expect(link.status()).toMatchObject({ state: "waiting", reason: "the device fake is gone: it is watched for" });
    await clock.advance(3_600_000);
    expect(link.status().counters.reconnects).toBe(0);
    expect(lines.filter((line) => line.includes("is gone")).length).toBe(1);
    setDevice("2/1");
    await clock.advance(2_000);
    await settle();
    expect(link.status().state).toBe("up");
  });

  test("a radio that is plugged out after its connection ended, or replaced, ends the pause", async () => {
    const { radio, setDevice } = gone();
    const { link, clock } = await up(radio);
    radio.isRefusing = true;
    radio.end({ by: "error" });
    await clock.advance(300_000);
    expect(link.status().reason).toContain("nobody there");
    setDevice(null);
    await clock.advance(1_000);
    expect(link.status().reason).toContain("is gone");
    setDevice("3/1");
    await clock.advance(2_000);
    await settle();
    expect(link.status().state).toBe("up");
  });
});
