import type { HttpResult, Json, Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import { type Day, type Found, fields, found, list, missing, number, type Place, text, type Warning, type Weather } from "../model.ts";

const TIMEOUT_S = 4;
const API = "https://api.weather.gov";
const KMH_PER_MPH = 1.609344;
const COMPASS = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"];

/** Two requests: the grid of the place, and its forecast. The weather now is what is forecast for now. */
export async function nationalWeather(
  plugin: Plugin<Config>,
  { latitude, longitude }: Place,
): Promise<Found<{ now: Weather; days: Day[] }>> {
  const point = await get(plugin, `${API}/points/${latitude},${longitude}`);
  if (!point.ok) return missing(isElsewhere(point) ? "elsewhere" : "no_answer");
  const url = text(fields(fields(point.data).properties).forecast);
  // Its host is checked by the gateway: the permission names it.
  if (url === null) return missing("no_answer");
  const forecast = await get(plugin, url);
  if (!forecast.ok) return missing("no_answer");
  const periods = list(fields(fields(forecast.data).properties).periods).map(fields);
  const now = periods[0] === undefined ? null : readNow(periods[0]);
  return now === null ? missing("no_answer") : found({ now, days: readDays(periods) });
}

export async function warnings(plugin: Plugin<Config>, { latitude, longitude }: Place): Promise<Found<Warning[]>> {
  const answer = await get(plugin, `${API}/alerts/active`, { point: `${latitude},${longitude}` });
  if (!answer.ok) return missing(isElsewhere(answer) ? "elsewhere" : "no_answer");
  const { features } = fields(answer.data);
  return Array.isArray(features) ? found(list(features).flatMap(readWarning)) : missing("no_answer");
}

function get(plugin: Plugin<Config>, url: string, params: Record<string, string> = {}): Promise<HttpResult> {
  return plugin.httpGet(url, { params, headers: { accept: "application/geo+json" }, timeout: TIMEOUT_S });
}

/** What it says about a point outside of the United States. */
function isElsewhere(answer: HttpResult): boolean {
  return !answer.ok && (answer.error.status === 404 || answer.error.status === 400);
}

type Period = ReturnType<typeof fields>;

function readNow(period: Period): Weather | null {
  const celsius = celsiusOf(period);
  if (celsius === null) return null;
  const from = COMPASS.indexOf(text(period.windDirection) ?? "");
  return {
    celsius,
    sky: { words: (text(period.shortForecast) ?? "?").toLowerCase() },
    windKmh: windOf(text(period.windSpeed)),
    windFrom: from < 0 ? null : (from * 360) / COMPASS.length,
    gustsKmh: null,
    humidity: number(fields(period.relativeHumidity).value),
    rainMm: null,
  };
}

/** Periods are half days; a day's weather is that of its daylight, where it still comes. */
function readDays(periods: readonly Period[]): Day[] {
  const days = new Map<string, Period[]>();
  for (const period of periods) {
    const date = text(period.startTime)?.slice(0, 10);
    if (date !== undefined) days.set(date, [...(days.get(date) ?? []), period]);
  }
  return [...days].map(([date, halves]) => {
    const day = halves.find(({ isDaytime }) => isDaytime === true);
    const night = halves.find(({ isDaytime }) => isDaytime === false);
    const shown = day ?? night ?? {};
    return {
      date,
      high: day === undefined ? null : celsiusOf(day),
      low: night === undefined ? null : celsiusOf(night),
      sky: { words: (text(shown.shortForecast) ?? "?").toLowerCase() },
      rain: number(fields(shown.probabilityOfPrecipitation).value),
    };
  });
}

function celsiusOf({ temperature, temperatureUnit }: Period): number | null {
  const read = number(temperature);
  return read === null || temperatureUnit === "C" ? read : ((read - 32) * 5) / 9;
}

/** `5 to 10 mph`: the higher one, km/h. */
function windOf(written: string | null): number {
  const speed = Number(written?.match(/\d+(?:\.\d+)?/g)?.at(-1) ?? 0);
  return written?.includes("mph") === true ? speed * KMH_PER_MPH : speed;
}

function readWarning(feature: Json): Warning[] {
  const { id, properties } = fields(feature);
  const { event, severity, headline, ends, expires, references } = fields(properties);
  const [known, what] = [text(id), text(event)];
  if (known === null || what === null) return [];
  const replaces = list(references).flatMap((each) => text(fields(each)["@id"]) ?? []);
  const until = text(ends) ?? text(expires);
  return [{ id: known, event: what, severity: text(severity) ?? "Unknown", headline: text(headline) ?? what, ends: until, replaces }];
}
