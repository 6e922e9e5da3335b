/** Sun and moon: computed, so they need no internet. */
import { cutText, type Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import type { Place } from "./model.ts";
import { getMoonIllumination, getMoonTimes, getTimes } from "./vendor/suncalc.js";
import { wordsOf } from "./words.ts";

const MINUTE_MS = 60_000;
/** From new moon to new moon, in the mean. */
const MONTH_MS = 29.530588 * 24 * 60 * MINUTE_MS;
/** A single month is off the mean by less. */
const SPAN_MS = 3 * 24 * 60 * MINUTE_MS;

export function sunText(plugin: Plugin<Config>, { name, latitude, longitude }: Place): string {
  const t = wordsOf(plugin);
  const { sunrise, sunset, dawn, dusk, alwaysUp, alwaysDown } = getTimes(new Date(), latitude, longitude);
  if (alwaysUp === true) return t("sun_up", { where: name });
  if (alwaysDown === true) return t("sun_down", { where: name });
  const time = timeOf(plugin);
  return cutText(
    t("sun", { where: name, rise: time(sunrise), set: time(sunset), dawn: time(dawn), dusk: time(dusk), zone: zoneOf(plugin) }),
  );
}

/** `place` null: without the times of its rise and setting. */
export function moonText(plugin: Plugin<Config>, place: Place | null): string {
  const t = wordsOf(plugin);
  const { phase, fraction } = getMoonIllumination(new Date());
  const phases = t("phases").split("|");
  const name = phases[Math.round(phase * phases.length) % phases.length] ?? "";
  const values = { phase: name, percent: Math.round(fraction * 100), full: dateOf(plugin, next(0.5)), dark: dateOf(plugin, next(0)) };
  return cutText(t("moon", { ...values, times: place === null ? "" : moonTimes(plugin, place) }));
}

function moonTimes(plugin: Plugin<Config>, { name, latitude, longitude }: Place): string {
  const t = wordsOf(plugin);
  const { rise, set } = getMoonTimes(new Date(), latitude, longitude);
  const time = timeOf(plugin);
  const both = [
    ...(rise === undefined ? [] : [{ at: rise, text: t("moon_rise", { time: time(rise) }) }]),
    ...(set === undefined ? [] : [{ at: set, text: t("moon_set", { time: time(set) }) }]),
  ].sort((a, b) => a.at.getTime() - b.at.getTime());
  if (both.length === 0) return "";
  return t("moon_times", { where: name, times: both.map(({ text }) => text).join(", "), zone: zoneOf(plugin) });
}

/**
 * When the moon is next full (0.5) or new (0). The phase alone tells it badly, because the moon seldom passes exactly behind the earth
 * or before the sun; whether it waxes changes at that moment, so it is found by halving.
 */
function next(wanted: 0 | 0.5): Date {
  const now = Date.now();
  const guess = now + ((wanted - getMoonIllumination(new Date(now)).phase + 1) % 1) * MONTH_MS;
  let [before, after] = [Math.max(now, guess - SPAN_MS), guess + SPAN_MS];
  while (after - before > MINUTE_MS) {
    const middle = (before + after) / 2;
    const isBefore = getMoonIllumination(new Date(middle)).waxing === (wanted === 0.5);
    [before, after] = isBefore ? [middle, after] : [before, middle];
  }
  return new Date(after);
}

function timeOf(plugin: Plugin<Config>): (date: Date | null) => string {
  const timeZone = plugin.getConfig("time_zone");
  return (date) => (date === null ? "-" : plugin.formatTime(date, { timeZone, style: "time" }));
}

function dateOf(plugin: Plugin<Config>, date: Date): string {
  return plugin.formatTime(date, { timeZone: plugin.getConfig("time_zone"), style: "date" });
}

/** Said only where nobody has set one: people know their own. */
function zoneOf(plugin: Plugin<Config>): string {
  return plugin.getConfig("time_zone") === "UTC" ? " UTC" : "";
}
