/** The two services, each read into what this plugin needs: an answer of another shape is one that cannot be used. */
import type { Json, Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";

export interface Weather {
  celsius: number;
  windKmh: number;
}

export interface Alert {
  id: string;
  event: string;
  severity: string;
  headline: string;
}

/** A value, or in a few words why there is none. */
export type Found<T> = { ok: true; value: T } | { ok: false; why: string };

export async function fetchWeather(plugin: Plugin<Config>): Promise<Found<Weather>> {
  const { latitude, longitude } = place(plugin);
  const answer = await plugin.httpGet("https://api.open-meteo.com/v1/forecast", {
    params: { latitude, longitude, current: "temperature_2m,wind_speed_10m" },
    timeout: 8,
  });
  if (!answer.ok) return { ok: false, why: answer.error.message };
  const current = fields(fields(answer.data).current);
  const { temperature_2m: celsius, wind_speed_10m: windKmh } = current;
  if (typeof celsius !== "number" || typeof windKmh !== "number") return { ok: false, why: "the service sent something else" };
  return { ok: true, value: { celsius, windKmh } };
}

export async function fetchAlerts(plugin: Plugin<Config>): Promise<Found<Alert[]>> {
  const { latitude, longitude } = place(plugin);
  const answer = await plugin.httpGet("https://api.weather.gov/alerts/active", {
    params: { point: `${latitude},${longitude}` },
    headers: { accept: "application/geo+json" },
    timeout: 8,
  });
  if (!answer.ok) return { ok: false, why: answer.error.message };
  const { features } = fields(answer.data);
  if (!Array.isArray(features)) return { ok: false, why: "the service sent something else" };
  return { ok: true, value: features.flatMap((feature) => readAlert(fields(feature))) };
}

function readAlert(feature: { readonly [key: string]: Json }): Alert[] {
  const { event, severity, headline } = fields(feature.properties);
  if (typeof feature.id !== "string" || typeof event !== "string" || typeof severity !== "string") return [];
  return [{ id: feature.id, event, severity, headline: typeof headline === "string" ? headline : event }];
}

function place(plugin: Plugin<Config>) {
  return { latitude: plugin.getConfig("latitude"), longitude: plugin.getConfig("longitude") };
}

/** JSON from outside may be anything; what is no object has no fields. */
function fields(value: Json | undefined): { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as { readonly [key: string]: Json }) : {};
}
