import { describe, expect, test } from "bun:test";
import { type ChannelPlace, namesChannel, parseLinkIndex } from "../../src/channels.ts";
import { systemRandom } from "../../src/clock.ts";
import { Broker } from "../../src/permissions/broker.ts";
import { denialSet } from "../../src/permissions/grammar/sets.ts";
import { FakeClock } from "../fake-clock.ts";
import { entry, must, setOf } from "./support.ts";

const BASE: ChannelPlace = { link: "base", index: 0, name: "Public" };
const SECRET: ChannelPlace = { link: "roof", index: 0, name: "Secret" };
const LOCAL: ChannelPlace = { link: "base", index: 1, name: "Local" };
const ROOF_PUBLIC: ChannelPlace = { link: "roof", index: 1, name: "Public" };
const ALL = [BASE, SECRET, LOCAL, ROOF_PUBLIC];

describe("a word for a channel", () => {
  test("is an index of every link, a name on any link, or one channel of one link", () => {
    const named = (word: number | string) => ALL.filter((place) => namesChannel(word, place));
    expect(named(0)).toEqual([BASE, SECRET]);
    expect(named("Public")).toEqual([BASE, ROOF_PUBLIC]);
    expect(named("roof/1")).toEqual([ROOF_PUBLIC]);
    for (const nothing of ["", "public", "roof/8", "0", "/0", "cellar/0"]) expect(named(nothing)).toEqual([]);
  });

  test("of the form LINK/INDEX is never a name, so that no channel can be called like another link's", () => {
    expect(namesChannel("roof/0", { link: "base", index: 3, name: "roof/0" })).toBe(false);
    expect(parseLinkIndex("a/b/7")).toEqual({ link: "a/b", index: 7 });
  });
});

describe("a scope", () => {
  const heard = (granted: unknown, denied: readonly unknown[] = []): ChannelPlace[] => {
    const broker = new Broker({
      clock: new FakeClock(),
      random: systemRandom,
      audit: { record: () => {} },
      onForgery: () => {},
      onRequest: () => {},
    });
    const layers = denied.map((each) => ({ effect: "deny" as const, set: must(denialSet([entry(each)])), rule: "deny" }));
    const set = broker.open("mine", { requested: setOf(granted), granted: setOf(granted), layers });
    return ALL.filter((channel) => set.checkOwn({ permission: "receive_messages", isDirect: false, channel }, "c").allowed);
  };

  test("by name hears no other link's channel of the same index", () => {
    expect(heard({ receive_messages: { channels: ["Public"] } })).toEqual([BASE, ROOF_PUBLIC]);
    expect(heard({ receive_messages: { channels: ["base/0"] } })).toEqual([BASE]);
    expect(heard({ receive_messages: { channels: [0] } })).toEqual([BASE, SECRET]);
  });

  test("a denial wins under whatever word it names the channel", () => {
    for (const granted of [
      "receive_messages",
      { receive_messages: { channels: ["Public", "Secret", "Local"] } },
      { receive_messages: { channels: [0, 1] } },
    ]) {
      expect(heard(granted, [{ receive_messages: { channels: ["roof/0"], direct: false } }])).toEqual([BASE, LOCAL, ROOF_PUBLIC]);
      expect(heard(granted, [{ receive_messages: { channels: [0], direct: false } }])).toEqual([LOCAL, ROOF_PUBLIC]);
      expect(heard(granted, [{ receive_messages: { channels: ["Public"], direct: false } }])).toEqual([SECRET, LOCAL]);
    }
    expect(
      heard({ receive_messages: { channels: ["base/0", "roof/0"] } }, [{ receive_messages: { channels: ["Secret"], direct: false } }]),
    ).toEqual([BASE]);
  });
});
