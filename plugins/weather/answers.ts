import { byteLength, type CommandContext, type Context, cutText, fitLines, type Plugin } from "zephyrgate";
import { cached, type Kept } from "./cache.ts";
import type { Config } from "./config.types.ts";
import type { Day, Found, Place, Warning, Weather } from "./model.ts";
import { whereIs } from "./places.ts";
import { germanWarnings, mayKnow } from "./services/bright_sky.ts";
import { europeanWarnings, hasFeed } from "./services/meteo_alarm.ts";
import { nationalWeather, warnings } from "./services/nws.ts";
import { openMeteo } from "./services/open_meteo.ts";
import { moonText, sunText } from "./sky_clock.ts";
import { ageText, amount, severityText, skyText, speed, temperature, type Words, windText, wordsOf } from "./words.ts";

const DAYS_USUAL = 3;
const DAYS_MAX = 7;
const PACKET_BYTES = 200;

/** What people ask. */
export class Answers {
  constructor(private readonly plugin: Plugin<Config>) {}

  async now(args: readonly string[], context: Context | null): Promise<string> {
    return this.#at(args, context, "wx", async (place) => {
      const t = wordsOf(this.plugin);
      const weather = await this.#weather(place);
      if (!weather.ok) return this.#without(weather.why, place);
      return this.#nowText(place, weather.value.value.now, staleText(t, weather.value));
    });
  }

  /** `forecast`, `forecast 5`, `forecast Zurich`, `forecast 5 Zurich`, `forecast Zurich 5`. */
  async forecast(args: readonly string[], context: Context | null): Promise<string> {
    const { days, place: words } = daysIn(args);
    const count = Math.min(Math.max(days ?? DAYS_USUAL, 1), DAYS_MAX);
    return this.#at(words, context, "forecast", async (place) => {
      const t = wordsOf(this.plugin);
      const weather = await this.#weather(place);
      if (!weather.ok) return this.#without(weather.why, place);
      const title = t("forecast", { where: place.name, stale: staleText(t, weather.value) });
      const lines = weather.value.value.days.slice(0, count).map((day) => this.#dayText(t, day));
      return fitLines(lines, { title }).text;
    });
  }

  async warnings(args: readonly string[], context: Context | null): Promise<string> {
    return this.#at(args, context, "wxalerts", async (place) => {
      const t = wordsOf(this.plugin);
      const found = await this.warningsAt(place);
      if (!found.ok) return found.why === "elsewhere" ? t("alerts_elsewhere", { where: place.name }) : t("no_answer");
      const { value } = found.value;
      const stale = staleText(t, found.value);
      if (value.length === 0 && hasFeed(place.country))
        return t("no_alerts_area", { where: place.name, areas: cutText((place.areas ?? []).join(", "), 90), stale });
      if (value.length === 0) return t("no_alerts", { where: place.name, stale });
      const lines = value.map((warning) => this.#warningText(t, warning));
      const title = t("forecast", { where: place.name, stale });
      return fitLines(lines, { title, more: (shown) => t("alerts_more", { count: lines.length - shown }) }).text;
    });
  }

  sun(args: readonly string[], context: CommandContext): Promise<string> {
    return this.#at(args, context, "sun", async (place) => sunText(this.plugin, place));
  }

  /** The phase is the same everywhere: without a place it is told alone. */
  async moon(args: readonly string[], context: CommandContext): Promise<string> {
    const where = await whereIs(this.plugin, args.join(" "), context, "moon");
    if ("place" in where) return moonText(this.plugin, where.place);
    return args.length > 0 ? where.say : moonText(this.plugin, null);
  }

  /** For other plugins; null: it is no text of ours. */
  async made(type: string, place: string): Promise<string | null> {
    const args = place === "" ? [] : [place];
    if (type === "now") return this.now(args, null);
    if (type === "forecast") return this.forecast(args, null);
    return type === "warnings" ? this.warnings(args, null) : null;
  }

  warningsAt(place: Place): Promise<Found<Kept<Warning[]>>> {
    // Not by its position alone: whether a feed names the place depends on what the place is called.
    const areas = hasFeed(place.country) ? ` ${place.country} ${(place.areas ?? []).join("|").slice(0, 120)}` : "";
    return cached(this.plugin, `alerts.${keyOf(place)}${areas}`, () => serviceFor(place)(this.plugin, place));
  }

  async #at(args: readonly string[], context: Context | null, command: string, answer: (place: Place) => Promise<string>): Promise<string> {
    const where = await whereIs(this.plugin, args.join(" "), context, command);
    return cutText("place" in where ? await answer(where.place) : where.say);
  }

  #weather(place: Place): Promise<Found<Kept<{ now: Weather; days: Day[] }>>> {
    const source = this.plugin.getConfig("source");
    return cached(this.plugin, `${source}.${keyOf(place)}`, () => (source === "nws" ? nationalWeather : openMeteo)(this.plugin, place));
  }

  #without(why: "no_answer" | "elsewhere" | "nothing", place: Place): string {
    const t = wordsOf(this.plugin);
    return why === "elsewhere" ? t("elsewhere", { where: place.name }) : t("no_answer");
  }

  #nowText(place: Place, weather: Weather, stale: string): string {
    const t = wordsOf(this.plugin);
    const units = this.plugin.getConfig("units");
    const { celsius, sky, gustsKmh, humidity, rainMm } = weather;
    const short = {
      where: place.name,
      temperature: temperature(celsius, units),
      sky: skyText(t, sky),
      wind: windText(t, weather, units),
      stale,
    };
    if (humidity === null) return t("now_short", short);
    const whole = t("now", {
      ...short,
      humidity: Math.round(humidity),
      gusts: gustsKmh === null || gustsKmh < 1 ? "" : t("gusts", { gusts: speed(gustsKmh, units) }),
      rain: rainMm === null || rainMm === 0 ? "" : t("rain", { amount: amount(t, rainMm, units) }),
    });
    return byteLength(whole) <= PACKET_BYTES ? whole : t("now_short", short);
  }

  #dayText(t: Words, { date, high, low, sky, rain }: Day): string {
    const units = this.plugin.getConfig("units");
    const degrees = (celsius: number | null) => (celsius === null ? "-" : temperature(celsius, units).replace(/[CF]$/, ""));
    const weekday = new Date(`${date}T12:00:00Z`).getUTCDay();
    return t("day", {
      day: t("weekdays").split("|")[weekday] ?? date,
      high: degrees(high),
      low: degrees(low),
      sky: skyText(t, sky),
      rain: rain === null ? "" : t("day_rain", { percent: Math.round(rain) }),
    });
  }

  #warningText(t: Words, { event, severity, ends }: Warning): string {
    const at = ends === null ? Number.NaN : Date.parse(ends);
    const time = Number.isNaN(at) ? "" : this.plugin.formatTime(at, { timeZone: this.plugin.getConfig("time_zone"), style: "datetime" });
    return t("alert", { event, severity: severityText(t, severity), until: time === "" ? "" : t("alert_until", { time }) });
  }
}

/** A number before the place, or behind it. */
function daysIn(args: readonly string[]): { readonly days: number | null; readonly place: readonly string[] } {
  const isDays = (word: string | undefined) => /^\d{1,2}$/.test(word ?? "");
  if (isDays(args[0])) return { days: Number(args[0]), place: args.slice(1) };
  return args.length > 1 && isDays(args.at(-1)) ? { days: Number(args.at(-1)), place: args.slice(0, -1) } : { days: null, place: args };
}

function serviceFor(place: Place) {
  if (hasFeed(place.country)) return europeanWarnings;
  return mayKnow(place) ? germanWarnings : warnings;
}

const keyOf = ({ latitude, longitude }: Place) => `${latitude},${longitude}`;

function staleText(t: Words, { isStale, age }: Pick<Kept<unknown>, "isStale" | "age">): string {
  return isStale ? t("stale", { age: ageText(t, age) }) : "";
}
