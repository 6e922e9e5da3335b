import { describe, expect, test } from "bun:test";
import { formatTime } from "../../src/host/services/time.ts";

const AT = Date.UTC(2026, 2, 1, 13, 5, 9);

describe("formatTime", () => {
  test.each([
    ["Europe/Berlin", "time", "14:05"],
    ["Europe/Berlin", "date", "2026-03-01"],
    ["Europe/Berlin", "datetime", "2026-03-01 14:05"],
    ["Europe/Berlin", "iso", "2026-03-01T14:05:09+01:00"],
    ["America/St_Johns", "iso", "2026-03-01T09:35:09-03:30"],
    ["UTC", "iso", "2026-03-01T13:05:09Z"],
  ])("in %s as %s", (zone, style, expected) => {
    expect(formatTime(AT, zone, style)).toBe(expected);
  });

  test("midnight is 00:00, and years have four digits", () => {
    expect(formatTime(Date.UTC(2026, 0, 1), "UTC", "datetime")).toBe("2026-01-01 00:00");
    expect(formatTime(Date.UTC(2026, 0, 1) - 1823 * 365.25 * 86_400_000, "UTC", "date")).toMatch(/^0\d{3}-\d\d-\d\d$/);
  });

  test("takes every date that there is, and no other", () => {
    expect(formatTime(8.64e15, "UTC", "time")).toBe("00:00");
    for (const ms of [8.64e15 + 2, -8.64e15 - 2, Number.NaN, Number.POSITIVE_INFINITY, "0", null]) {
      expect(() => formatTime(ms, "UTC", "time")).toThrow("formatTime takes a Date or ms since 1970");
    }
  });

  test("says what is wrong with the zone and the style", () => {
    expect(() => formatTime(AT, "Mars/Base", "time")).toThrow('"Mars/Base" is no IANA time zone');
    expect(() => formatTime(AT, 5, "time")).toThrow("timeZone is an IANA name");
    expect(() => formatTime(AT, "x".repeat(64), "time")).toThrow("is no IANA time zone");
    expect(() => formatTime(AT, "x".repeat(65), "time")).toThrow("timeZone is an IANA name");
    expect(() => formatTime(AT, "UTC", "short")).toThrow("style is time, date, datetime or iso");
  });
});
