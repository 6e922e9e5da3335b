import type { Json, Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import { type Day, type Found, fields, found, list, missing, number, type Place, type Sky, text, type Weather } from "../model.ts";

const TIMEOUT_S = 8;
const URL_FORECAST = "https://api.open-meteo.com/v1/forecast";
const URL_PLACES = "https://geocoding-api.open-meteo.com/v1/search";
const CURRENT = "temperature_2m,relative_humidity_2m,precipitation,weather_code,wind_speed_10m,wind_direction_10m,wind_gusts_10m";
const DAILY = "weather_code,temperature_2m_max,temperature_2m_min,precipitation_probability_max";
const DAYS = 7;

export async function openMeteo(plugin: Plugin<Config>, { latitude, longitude }: Place): Promise<Found<{ now: Weather; days: Day[] }>> {
  const params = { latitude, longitude, current: CURRENT, daily: DAILY, forecast_days: DAYS, timezone: "auto" };
  const answer = await plugin.httpGet(URL_FORECAST, { params, timeout: TIMEOUT_S });
  if (!answer.ok) return missing("no_answer");
  const { current, current_units } = fields(answer.data);
  const now = isMetric(fields(current_units)) ? readNow(current) : null;
  return now === null ? missing("no_answer") : found({ now, days: readDays(fields(answer.data).daily) });
}

/** The best known place of this name. */
export async function findPlace(plugin: Plugin<Config>, name: string): Promise<Found<Place>> {
  const params = { name, count: 1, language: plugin.language.slice(0, 2), format: "json" };
  const answer = await plugin.httpGet(URL_PLACES, { params, timeout: TIMEOUT_S });
  if (!answer.ok) return missing("no_answer");
  const [first] = list(fields(answer.data).results);
  const { latitude, longitude, name: official, country_code, admin1, admin2, admin3, admin4 } = fields(first);
  const [north, east] = [number(latitude), number(longitude)];
  if (north === null || east === null) return missing("nothing");
  const areas = [official, admin1, admin2, admin3, admin4].flatMap((area) => text(area)?.slice(0, 60) ?? []);
  const country = text(country_code);
  return found({ name: text(official) ?? name, latitude: north, longitude: east, ...(country === null ? {} : { country, areas }) });
}

/** Numbers in another unit than was asked for would be told as if they were in ours. */
function isMetric({ temperature_2m = "°C", wind_speed_10m = "km/h", precipitation = "mm" }: ReturnType<typeof fields>): boolean {
  return temperature_2m === "°C" && wind_speed_10m === "km/h" && precipitation === "mm";
}

function readNow(current: Json | undefined): Weather | null {
  const read = fields(current);
  const celsius = number(read.temperature_2m);
  const windKmh = number(read.wind_speed_10m);
  if (celsius === null || windKmh === null) return null;
  return {
    celsius,
    windKmh,
    sky: skyOf(number(read.weather_code)),
    windFrom: number(read.wind_direction_10m),
    gustsKmh: number(read.wind_gusts_10m),
    humidity: number(read.relative_humidity_2m),
    rainMm: number(read.precipitation),
  };
}

function readDays(daily: Json | undefined): Day[] {
  const read = fields(daily);
  return list(read.time).flatMap((date, at) => {
    if (typeof date !== "string") return [];
    const of = (key: string) => number(list(read[key])[at]);
    const rain = of("precipitation_probability_max");
    return [{ date, high: of("temperature_2m_max"), low: of("temperature_2m_min"), sky: skyOf(of("weather_code")), rain }];
  });
}

/** The codes of the World Meteorological Organization that the service uses. */
function skyOf(code: number | null): Sky {
  switch (code) {
    case 0:
      return { key: "sky_clear" };
    case 1:
      return { key: "sky_mostly_clear" };
    case 2:
      return { key: "sky_partly_cloudy" };
    case 3:
      return { key: "sky_overcast" };
    case 45:
    case 48:
      return { key: "sky_fog" };
    case 51:
    case 53:
    case 55:
      return { key: "sky_drizzle" };
    case 56:
    case 57:
    case 66:
    case 67:
      return { key: "sky_freezing" };
    case 61:
      return { key: "sky_light_rain" };
    case 63:
      return { key: "sky_rain" };
    case 65:
      return { key: "sky_heavy_rain" };
    case 71:
    case 77:
      return { key: "sky_light_snow" };
    case 73:
      return { key: "sky_snow" };
    case 75:
      return { key: "sky_heavy_snow" };
    case 80:
    case 81:
    case 82:
      return { key: "sky_showers" };
    case 85:
    case 86:
      return { key: "sky_snow_showers" };
    case 95:
      return { key: "sky_storm" };
    case 96:
    case 99:
      return { key: "sky_hail" };
    default:
      return { key: "sky_unknown" };
  }
}
