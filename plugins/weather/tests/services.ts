/** The services as they answer: their fields, the test's own values. */
import type { TestGateway } from "zephyrgate/testing";

export const FORECAST = "https://api.open-meteo.com/v1/forecast";
export const PLACES = "https://geocoding-api.open-meteo.com/v1/search";
export const ALERTS = "https://api.weather.gov/alerts/active";

export function openMeteo(gateway: TestGateway, celsius = 17.6): void {
  gateway.http.respond(FORECAST, {
    json: {
      latitude: 47.38,
      longitude: 8.54,
      generationtime_ms: 0.1,
      utc_offset_seconds: 3600,
      timezone: "Europe/Zurich",
      timezone_abbreviation: "GMT+1",
      elevation: 408,
      current_units: { time: "iso8601", interval: "seconds", temperature_2m: "°C" },
      current: {
        time: "2026-01-05T13:00",
        interval: 900,
        temperature_2m: celsius,
        relative_humidity_2m: 64,
        precipitation: 0.2,
        weather_code: 61,
        wind_speed_10m: 12.4,
        wind_direction_10m: 225,
        wind_gusts_10m: 31.7,
      },
      daily: {
        time: ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08", "2026-01-09", "2026-01-10", "2026-01-11"],
        weather_code: [61, 3, 95, 0, 71, 45, 80],
        temperature_2m_max: [18.1, 15, 21.5, 20, 1.4, 3, 9],
        temperature_2m_min: [9.4, 7.7, 11, 8, -4.6, -1, 2],
        precipitation_probability_max: [60, 10, 90, 0, 75, null, 55],
      },
    },
  });
}

export function places(gateway: TestGateway): void {
  gateway.http.respond(PLACES, ({ url }) => {
    const name = new URL(url).searchParams.get("name") ?? "";
    if (/^husum$/i.test(name))
      return { json: { results: [{ id: 2899695, name: "Husum", latitude: 54.4858, longitude: 9.05239, country_code: "DE" }] } };
    if (!/^z(ü|u)rich$/i.test(name)) return { json: { generationtime_ms: 0.5 } };
    const place = {
      id: 2657896,
      name: "Zürich",
      latitude: 47.36667,
      longitude: 8.55,
      elevation: 429,
      country_code: "CH",
      country: "Switzerland",
      admin1: "Zurich",
      admin2: "Zürich District",
    };
    return { json: { results: [place], generationtime_ms: 0.7 } };
  });
}

export const GERMAN_ALERTS = "https://api.brightsky.dev/alerts";

/** Status 404: the place is not in Germany. */
export function germanAlerts(gateway: TestGateway, warnings: readonly { readonly [field: string]: unknown }[] | 404): void {
  if (warnings === 404) {
    gateway.http.respond(GERMAN_ALERTS, { status: 404, json: { detail: "No warn cell found" } });
    return;
  }
  const alerts = warnings.map((change, at) => ({
    id: 279977 + at,
    alert_id: `2.49.0.0.276.0.DWD.PVW.1767614400000.${at}`,
    status: "actual",
    effective: "2026-01-05T10:58:00+00:00",
    onset: "2026-01-05T11:00:00+00:00",
    expires: "2026-01-05T20:00:00+00:00",
    category: "met",
    response_type: "prepare",
    urgency: "immediate",
    severity: "severe",
    certainty: "likely",
    event_code: 53,
    event_en: "storm force gusts",
    event_de: "ORKANARTIGE BÖEN",
    headline_en: "Official WARNING of STORM FORCE GUSTS",
    headline_de: "Amtliche UNWETTERWARNUNG vor ORKANARTIGEN BÖEN",
    description_en: "There is a risk of gusts.",
    description_de: "Es treten Böen auf.",
    instruction_en: null,
    instruction_de: null,
    ...change,
  }));
  const location = {
    warn_cell_id: 801054056,
    name: "Stadt Husum",
    name_short: "Husum",
    district: "Nordfriesland",
    state: "Schleswig-Holstein",
    state_short: "SH",
  };
  gateway.http.respond(GERMAN_ALERTS, { json: { alerts, location } });
}

export const EUROPE = "https://feeds.meteoalarm.org/feeds/meteoalarm-legacy-atom-";

/** Entries of a country's feed, in its order of elements. */
export function europeanAlerts(gateway: TestGateway, country: string, entries: readonly { readonly [element: string]: string }[]): void {
  const entry = (change: { readonly [element: string]: string }) => {
    const { title = "Orange Wind Warning issued for Switzerland - Bern", area = "Bern", code = "CH001", polygon, ...caps } = change;
    const all = {
      effective: "2026-01-05T09:00:00+01:00",
      onset: "2026-01-05T12:00:00+01:00",
      expires: "2026-01-05T23:00:00+01:00",
      message_type: "Alert",
      severity: "Severe",
      status: "Actual",
      event: "Sturm",
      ...caps,
    };
    const elements = Object.entries(all).map(([name, text]) => `<cap:${name}>${text}</cap:${name}>`);
    const outline = polygon === undefined ? "" : `<cap:polygon>${polygon}</cap:polygon>`;
    return `<entry><cap:areaDesc>${area}</cap:areaDesc>${outline}${elements.join("")}<cap:geocode><valueName>EMMA_ID</valueName><value>${code}</value></cap:geocode><title>${title}</title><id>x</id></entry>`;
  };
  const head =
    '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2"><title>MeteoAlarm</title>';
  gateway.http.respond(EUROPE + country, {
    text: `${head}${entries.map(entry).join("\n")}</feed>\n`,
    headers: { "content-type": "application/atom+xml" },
  });
}

export interface TestWarning {
  readonly id: string;
  readonly event?: string;
  readonly severity?: string;
  readonly replaces?: readonly string[];
}

export function alerts(gateway: TestGateway, warnings: readonly TestWarning[]): void {
  gateway.http.respond(ALERTS, {
    json: {
      type: "FeatureCollection",
      title: "Current watches, warnings, and advisories",
      updated: "2026-01-05T12:00:00+00:00",
      features: warnings.map(({ id, event = "Winter Storm Warning", severity = "Severe", replaces = [] }) => ({
        id,
        type: "Feature",
        geometry: null,
        properties: {
          "@id": id,
          id: id.replace("https://api.weather.gov/alerts/", ""),
          areaDesc: "Denver County",
          event,
          severity,
          certainty: "Likely",
          urgency: "Expected",
          headline: `${event} until 6 PM by NWS Denver`,
          ends: "2026-01-06T01:00:00-00:00",
          expires: "2026-01-05T20:00:00-00:00",
          references: replaces.map((each) => ({
            "@id": each,
            identifier: each,
            sender: "w-nws.webmaster@noaa.gov",
            sent: "2026-01-05T11:00:00+00:00",
          })),
        },
      })),
    },
  });
}

export function nationalWeather(gateway: TestGateway): void {
  const half = (number: number, startTime: string, isDaytime: boolean, temperature: number, shortForecast: string) => ({
    number,
    name: isDaytime ? "Today" : "Tonight",
    startTime,
    isDaytime,
    temperature,
    temperatureUnit: "F",
    probabilityOfPrecipitation: { unitCode: "wmoUnit:percent", value: 40 },
    windSpeed: "5 to 10 mph",
    windDirection: "NW",
    shortForecast,
  });
  gateway.http.respond("https://api.weather.gov/points/*", {
    json: {
      properties: {
        gridId: "BOU",
        gridX: 62,
        gridY: 60,
        forecast: "https://api.weather.gov/gridpoints/BOU/62,60/forecast",
        forecastHourly: "https://api.weather.gov/gridpoints/BOU/62,60/forecast/hourly",
      },
    },
  });
  gateway.http.respond("https://api.weather.gov/gridpoints/BOU/62,60/forecast", {
    json: {
      properties: {
        units: "us",
        periods: [
          half(1, "2026-01-05T06:00:00-07:00", true, 41, "Partly Sunny"),
          half(2, "2026-01-05T18:00:00-07:00", false, 23, "Mostly Clear"),
          half(3, "2026-01-06T06:00:00-07:00", true, 50, "Slight Chance Snow Showers"),
        ],
      },
    },
  });
}
