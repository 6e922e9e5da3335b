import { describe, expect, test } from "bun:test";
import { dutyCycleOf } from "../../../src/mesh/airtime/duty-cycle.ts";
import { AirtimeLedger, type Charged } from "../../../src/mesh/airtime/ledger.ts";
import { timeOnAir } from "../../../src/mesh/airtime/lora.ts";
import { FakeClock } from "../../fake-clock.ts";
import { FakeRadio } from "../outbox-support.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const CONFIG = {
  channel_utilization_polite: 0.25,
  channel_utilization_max: 0.4,
  plugin_share: 0.1,
  channel_share: 1,
  link_share: 1,
  total_share: 1,
};

function by(plugin: string | null): Charged {
  return { plugin, link: "base", channel: 0 };
}

describe("airtime of one transmission", () => {
  // By the LoRa symbol formula, worked out by hand. On a radio, a short LongFast text took 0.43 s and a full one about 2 s.
  test.each([
    ["LONG_FAST", 1, 436.2],
    ["LONG_FAST", 200, 1_910.8],
    ["SHORT_TURBO", 200, 90.4],
    ["MEDIUM_SLOW", 100, 627.7],
    ["LONG_MODERATE", 100, 4_132.9],
    ["LONG_SLOW", 100, 7_479.3],
  ])("%s, %i bytes: %d ms", (preset, bytes, expected) => {
    expect(timeOnAir(bytes, { modemPreset: preset })).toBeCloseTo(expected, 0);
  });

  test("a preset is read in any spelling; an unknown one counts as LongFast", () => {
    expect(timeOnAir(50, { modemPreset: "ShortFast" })).toBe(timeOnAir(50, { modemPreset: "SHORT_FAST" }));
    expect(timeOnAir(50, { modemPreset: "SHORT_FAST" })).toBeLessThan(timeOnAir(50, { modemPreset: "LONG_FAST" }));
    for (const facts of [{}, { modemPreset: "CUSTOM" }, { modemPreset: "" }])
      expect(timeOnAir(50, facts)).toBe(timeOnAir(50, { modemPreset: "LONG_FAST" }));
  });

  test("on 2.4 GHz a preset uses a wider channel, by 3.25; settings of its own are what they are", () => {
    for (const modemPreset of ["LONG_FAST", "SHORT_TURBO", "MEDIUM_SLOW"])
      expect(timeOnAir(100, { modemPreset, region: "EU_868" }) / timeOnAir(100, { modemPreset, region: "LORA_24" })).toBeCloseTo(3.25, 1);
    const modem = { spreadingFactor: 9, bandwidth: 812.5, codingRate: 5 };
    expect(timeOnAir(100, { modemPreset: "CUSTOM", modem, region: "LORA_24" })).toBe(timeOnAir(100, { modemPreset: "CUSTOM", modem }));
    expect(timeOnAir(100, { modemPreset: "MEDIUM_FAST", region: "LORA_24" })).toBe(timeOnAir(100, { modem }));
  });

  test("settings of its own are reckoned as they are", () => {
    const modem = { spreadingFactor: 12, bandwidth: 125, codingRate: 8 };
    expect(timeOnAir(100, { modemPreset: "CUSTOM", modem })).toBe(timeOnAir(100, { modemPreset: "LONG_SLOW" }));
  });

  test("more bytes never take less time", () => {
    for (const preset of ["SHORT_TURBO", "LONG_FAST", "VERY_LONG_SLOW"])
      for (let bytes = 0; bytes < 230; bytes++)
        expect(timeOnAir(bytes + 1, { modemPreset: preset })).toBeGreaterThanOrEqual(timeOnAir(bytes, { modemPreset: preset }));
  });
});

describe("what a plugin used in the last hour", () => {
  test("adds up by plugin and is forgotten after an hour", async () => {
    const clock = new FakeClock();
    const ledger = new AirtimeLedger(clock, CONFIG);
    ledger.add(by("a"), 100);
    ledger.add(by("a"), 50);
    ledger.add(by("b"), 7);
    await clock.advance(30 * MINUTE_MS);
    ledger.add(by("a"), 1);
    expect([ledger.used("a"), ledger.used("b"), ledger.used("c")]).toEqual([151, 7, 0]);
    await clock.advance(29 * MINUTE_MS);
    expect(ledger.used("a")).toBe(151);
    await clock.advance(MINUTE_MS);
    expect([ledger.used("a"), ledger.used("b")]).toEqual([1, 0]);
  });

  test("what is read back after a restart counts from when it was sent", async () => {
    const clock = new FakeClock();
    const ledger = new AirtimeLedger(clock, CONFIG);
    await clock.advance(2 * HOUR_MS);
    ledger.add(by("a"), 100, 50 * MINUTE_MS);
    ledger.add(by("a"), 10, 2 * HOUR_MS);
    expect(ledger.used("a")).toBe(100);
    await clock.advance(11 * MINUTE_MS);
    expect(ledger.used("a")).toBe(0);
  });
});

describe("a region with a duty cycle", () => {
  const inEurope = (airUtilTx?: number) => {
    const status = new FakeRadio(new FakeClock()).status();
    return { ...status, dutyCycle: 0.1, ...(airUtilTx === undefined ? {} : { airUtilTx }) };
  };

  test("holds all but emergencies before the radio refuses them, by what it sent itself or by what the radio reports", () => {
    const ledger = new AirtimeLedger(new FakeClock(), { ...CONFIG, plugin_share: 1 });
    ledger.add(by("a"), 0.089 * HOUR_MS);
    for (const priority of ["low", "normal", "high"] as const) {
      expect(ledger.holds(priority, by("a"), inEurope())).toBeNull();
      expect(ledger.holds(priority, by("a"), inEurope(0.091))).toBe("duty_cycle");
    }
    ledger.add(by(null), 0.002 * HOUR_MS);
    for (const priority of ["low", "normal", "high"] as const) expect(ledger.holds(priority, by("a"), inEurope())).toBe("duty_cycle");
    expect(ledger.holds("emergency", by("a"), inEurope(0.2))).toBeNull();
    expect(ledger.holds("normal", { plugin: "a", link: "roof", channel: 0 }, inEurope(0))).toBeNull();
  });

  test("ends when an hour has passed", async () => {
    const clock = new FakeClock();
    const ledger = new AirtimeLedger(clock, CONFIG);
    ledger.add(by(null), 0.1 * HOUR_MS);
    expect(ledger.holds("high", by(null), inEurope())).toBe("duty_cycle");
    await clock.advance(HOUR_MS);
    expect(ledger.holds("high", by(null), inEurope())).toBeNull();
  });

  test("is known by the radio's settings", () => {
    expect(["EU_868", "EU_433", "UA_868", "US", "UNSET", "REGION_99"].map(dutyCycleOf)).toEqual([
      0.1,
      0.1,
      0.01,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

test("the ledger reports by plugin, channel, link and in total, and forgets what is older than an hour", async () => {
  const clock = new FakeClock();
  const ledger = new AirtimeLedger(clock, CONFIG);
  ledger.add(by("a"), 1_500);
  ledger.add({ plugin: null, link: "roof", channel: 2 }, 500);
  expect(ledger.report()).toEqual({
    total: 2,
    plugins: { a: 1.5 },
    channels: { "base/0": 1.5, "roof/2": 0.5 },
    links: { base: 1.5, roof: 0.5 },
  });
  await clock.advance(2 * HOUR_MS);
  expect(ledger.report()).toEqual({ total: 0, plugins: {}, channels: {}, links: {} });
});

describe("who must wait", () => {
  const at = (channelUtilization: number) => {
    const radio = new FakeRadio(new FakeClock());
    radio.channelUtilization = channelUtilization;
    return radio.status();
  };

  test("a busy channel holds low and normal messages first, then high ones, never an emergency", () => {
    const ledger = new AirtimeLedger(new FakeClock(), CONFIG);
    const held = (busy: number) =>
      (["low", "normal", "high", "emergency"] as const).filter((priority) => ledger.holds(priority, by(null), at(busy)) === "channel_busy");
    expect(held(0.25)).toEqual([]);
    expect(held(0.26)).toEqual(["low", "normal"]);
    expect(held(0.4)).toEqual(["low", "normal"]);
    expect(held(0.41)).toEqual(["low", "normal", "high"]);
    const { channelUtilization: _, ...unknown } = at(1);
    expect(ledger.holds("low", by(null), unknown)).toBeNull();
  });

  test("a plugin that used its share waits, others and emergencies do not", () => {
    const ledger = new AirtimeLedger(new FakeClock(), CONFIG);
    ledger.add(by("a"), 0.1 * HOUR_MS - 1);
    expect(ledger.holds("normal", by("a"), at(0))).toBeNull();
    ledger.add(by("a"), 1);
    expect(ledger.holds("normal", by("a"), at(0))).toBe("plugin_share");
    expect(ledger.holds("high", by("a"), at(0))).toBe("plugin_share");
    expect(ledger.holds("emergency", by("a"), at(0))).toBeNull();
    expect(ledger.holds("normal", by("b"), at(0))).toBeNull();
    expect(ledger.holds("normal", by(null), at(0))).toBeNull();
  });

  test("the gateway's own texts count on their channel, their link and in all, and a budget that is used up holds all but emergencies", () => {
    for (const share of ["channel_share", "link_share", "total_share"] as const) {
      const ledger = new AirtimeLedger(new FakeClock(), { ...CONFIG, [share]: 0.01 });
      ledger.add(by(null), 0.01 * HOUR_MS);
      for (const plugin of ["a", null]) expect(ledger.holds("high", by(plugin), at(0))).toBe(share);
      expect(ledger.holds("emergency", by(null), at(0))).toBeNull();
      const elsewhere = ledger.holds("normal", { plugin: "a", link: "roof", channel: 0 }, at(0));
      expect(elsewhere).toBe(share === "total_share" ? share : null);
      expect(ledger.holds("normal", { plugin: "a", link: "base", channel: 1 }, at(0))).toBe(share === "channel_share" ? null : share);
    }
  });
});
