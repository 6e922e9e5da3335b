/** When a radio's clock is set: only when it has none or is off, and never by a clock of ours that is wrong. */
import { describe, expect, test } from "bun:test";
import { RadioClock } from "../../src/mesh/session/radio-clock.ts";
import { FakeClock } from "../fake-clock.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function configured(heardS: number | null = 0) {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const radio = new RadioClock(clock);
  radio.begin();
  if (heardS !== null) radio.remembers(clock.now() + heardS * 1_000);
  radio.configured();
  const seconds = (offS = 0) => Math.floor(clock.now() / 1000) + offS;
  /** Lets time pass, hears a packet by a clock that is off by so much, and sets the clock when it is due. */
  const after = async (ms: number, offS: number | null) => {
    await clock.advance(ms);
    radio.heard(offS === null ? undefined : seconds(offS));
    const isDue = radio.isDue();
    return isDue ? radio.wasSet() : null;
  };
  return { clock, radio, seconds, after };
}

describe("a radio", () => {
  test("with the right time is left alone, for days", async () => {
    const { after } = configured();
    for (let i = 0; i < 100; i++) expect(await after(HOUR, i % 2 === 0 ? 59 : -59)).toBeNull();
  });

  test("without a clock gets it with its first packet; one that shows nothing, at once, and no second time", async () => {
    expect(await configured().after(100, null)).toEqual({ isRepeated: false });
    for (const heardS of [null, -3_600]) {
      const { clock, radio } = configured(heardS);
      expect(radio.isDue()).toBe(true);
      radio.wasSet();
      await clock.advance(100 * HOUR);
      expect(radio.isDue()).toBe(false);
    }
  });

  test("that heard a node just now, by our clock, has the right time", () => {
    expect(configured(-30).radio.isDue()).toBe(false);
    expect(configured(30).radio.isDue()).toBe(false);
    expect(configured(90).radio.isDue()).toBe(true);
  });

  test("that is ahead gets it at once; behind only when the packet cannot be an old one", async () => {
    expect(await configured().after(100, 61)).toEqual({ isRepeated: false });
    const { after, radio } = configured();
    expect(await after(100, 0)).toBeNull();
    expect(await after(100, -3_600)).toBeNull();
    expect(radio.time).toBe("right");
    expect(await after(11_000, -3_600)).toEqual({ isRepeated: false });
  });

  test("that keeps a wrong clock is asked seldom, and told as such", async () => {
    const { after } = configured();
    expect(await after(20_000, 600)).toEqual({ isRepeated: false });
    expect(await after(5 * MINUTE, 600)).toBeNull();
    expect(await after(5 * MINUTE, 600)).toEqual({ isRepeated: true });
    let sets = 0;
    for (let i = 0; i < 24 * 60; i++) if ((await after(MINUTE, 600)) !== null) sets++;
    expect(sets).toBe(24);
  });

  test("gets the time again when ours has stepped, and only then", async () => {
    const { clock, after } = configured();
    expect(await after(100, null)).toEqual({ isRepeated: false });
    expect(await after(MINUTE, 0)).toBeNull();
    clock.jumpWall(-2 * HOUR);
    expect(await after(100, 7_200)).toEqual({ isRepeated: false });
    clock.jumpWall(30_000);
    expect(await after(MINUTE, -30)).toBeNull();
  });
});
