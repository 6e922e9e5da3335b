import type { Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import { fetchAlerts, fetchWeather } from "../services.ts";

/** The answer is kept for some minutes: many may ask at once, and the service must not pay for it. */
export async function weatherNow(plugin: Plugin<Config>): Promise<string> {
  const cached = await plugin.retrieveData("weather", "");
  if (cached !== "") return cached;
  const weather = await fetchWeather(plugin);
  if (!weather.ok) {
    plugin.log.warn("no weather", { why: weather.why });
    return "The weather service does not answer, try later";
  }
  const text = `${Math.round(weather.value.celsius)}°C, wind ${Math.round(weather.value.windKmh)} km/h`;
  await plugin.storeData("weather", text, { ttl: plugin.getConfig("cache_minutes") * 60 });
  return text;
}

export async function alertsNow(plugin: Plugin<Config>): Promise<string> {
  const alerts = await fetchAlerts(plugin);
  if (!alerts.ok) return "The alert service does not answer, try later";
  if (alerts.value.length === 0) return "No alerts";
  return alerts.value.map(({ event, severity }) => `${event} (${severity})`).join("\n");
}
