import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import type { EmergencyMark } from "../../../src/mesh/emergency/emergencies.ts";
import { BROADCAST } from "../../../src/mesh/ids.ts";
import { type Admitted, Intake, type IntakePolicy } from "../../../src/mesh/intake/intake.ts";
import type { Author } from "../../../src/mesh/intake/loop-guard.ts";
import { SEEN_SCHEMA } from "../../../src/mesh/intake/seen-packets.ts";
import type { TextMessage } from "../../../src/mesh/message.ts";
import type { CoreDatabase } from "../../../src/storage/core.ts";
import { openCoreDatabase } from "../../../src/storage/core-open.ts";
import { FakeClock } from "../../fake-clock.ts";

const OWN = 1;
let folder: string;
let database: CoreDatabase;
let packets = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zephyrgate-intake-"));
  const opened = openCoreDatabase(join(folder, "gateway.db"), [SEEN_SCHEMA], { clock: new FakeClock(), log: silentLogger });
  if (!opened.ok) throw opened.error;
  database = opened.value;
});
afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

function gate(policy: Partial<IntakePolicy> = {}) {
  const admitted: Admitted[] = [];
  const cries: { text: string; banned: boolean }[] = [];
  let author: Author = "person";
  const intake = new Intake({
    database,
    policy: () => ({ ban: [], ignore_channels: [], direct_only: false, ...policy }),
    emergencies: {
      receive: ({ text }, banned): EmergencyMark => {
        if (text !== "SOS") return { kind: "none" };
        cries.push({ text, banned });
        return { kind: "call", call: { word: "sos", rest: "" }, isActedOn: !banned };
      },
    },
    loops: { judge: () => author },
    isOwn: (node) => node === OWN,
    channelName: (link, index) => (link === "roof" && index === 3 ? "chat" : ""),
    accept: (each) => void admitted.push(each),
  });
  const hear = (text: string, change: Partial<TextMessage> = {}) => {
    const before = admitted.length;
    intake.receive({ ...blank(), packetId: ++packets, text, ...change });
    return admitted.slice(before);
  };
  return {
    intake,
    hear,
    cries,
    admitted,
    by: (who: Author) => {
      author = who;
    },
  };
}

function blank(): Omit<TextMessage, "text" | "packetId"> {
  return {
    kind: "text",
    correlationId: "c1",
    link: "base",
    from: 9,
    to: BROADCAST,
    channel: 3,
    isDirect: false,
    receivedAt: 0,
    pkiEncrypted: false,
    viaMqtt: false,
    isReaction: false,
  };
}
const direct = { isDirect: true, to: OWN, channel: 0 };
const position = { kind: "position", position: { latitude: 1, longitude: 2 } } as unknown as Partial<TextMessage>;

describe("nothing leaves the mesh room", () => {
  test("from a banned node, of any kind, but the operator learns of its cry for help", () => {
    const { intake, hear, cries } = gate({ ban: [9] });
    for (const change of [{}, direct, position]) expect(hear("hi", change)).toEqual([]);
    expect(hear("SOS")).toEqual([]);
    expect(cries).toEqual([{ text: "SOS", banned: true }]);
    expect(hear("hi", { from: 10 })).toHaveLength(1);
    expect(intake.counts).toEqual({ received: 1, duplicates: 0, banned: 4, ignored: 0, muted: 0 });
  });

  test.each([
    [["chat"], "roof", 3, true],
    [["chat"], "base", 3, false],
    [[3], "base", 3, true],
    [[3], "roof", 2, false],
    [["roof/3"], "roof", 3, true],
    [["roof/3"], "base", 3, false],
  ] as const)("from an ignored channel: %p, on %s/%d: %p", (ignore_channels, link, channel, isIgnored) => {
    const { hear, cries, intake } = gate({ ignore_channels });
    for (const change of [{}, position]) expect(hear("hi", { link, channel, ...change })).toHaveLength(isIgnored ? 0 : 1);
    expect(hear("hi", { ...direct, link, channel })).toHaveLength(1);
    hear("SOS", { link, channel });
    expect(cries).toHaveLength(1);
    expect(intake.counts.ignored).toBe(isIgnored ? 3 : 0);
  });

  test("with direct_only: texts on channels; positions and the like pass", () => {
    const { hear, cries } = gate({ direct_only: true });
    expect([hear("hi").length, hear("hi", direct).length, hear("", position).length]).toEqual([0, 1, 1]);
    hear("SOS");
    expect(cries).toHaveLength(1);
  });

  test("from the gateway's own nodes, and nothing twice", () => {
    const { intake, hear } = gate();
    expect(hear("hi", { from: OWN })).toEqual([]);
    expect([hear("hi", { packetId: 5 }).length, hear("hi", { packetId: 5, link: "roof" }).length]).toEqual([1, 0]);
    expect([hear("hi", { packetId: 5, from: 10 }).length, hear("hi", { packetId: 0 }).length, hear("hi", { packetId: 0 }).length]).toEqual([
      1, 1, 1,
    ]);
    expect(intake.counts).toMatchObject({ received: 4, duplicates: 1 });
  });

  test("from a muted node, but for a cry for help; a program's text is marked", () => {
    const { intake, hear, by } = gate();
    by("muted");
    expect(hear("hi")).toEqual([]);
    expect(hear("SOS")).toMatchObject([{ emergency: { kind: "call" } }]);
    by("bot");
    expect(hear("hi")).toMatchObject([{ isFromBot: true }]);
    by("person");
    expect(hear("hi")).toMatchObject([{ isFromBot: false, emergency: { kind: "none" } }]);
    expect(intake.counts.muted).toBe(1);
  });
});
