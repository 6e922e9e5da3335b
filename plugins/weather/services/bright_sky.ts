import type { Json, Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import { type Found, fields, found, list, missing, number, type Place, text, type Warning } from "../model.ts";

const TIMEOUT_S = 6;
const URL_ALERTS = "https://api.brightsky.dev/alerts";
const SEVERITIES = ["Unknown", "Minor", "Moderate", "Severe", "Extreme"];
/** Around Germany. Inside it but beyond the border the service says that it does not know the place. */
const BOX = { south: 47.2, north: 55.2, west: 5.8, east: 15.1 };

/** Whether it is worth asking about a place. Nobody elsewhere is made known to this service. */
export function mayKnow({ latitude, longitude }: Place): boolean {
  return latitude >= BOX.south && latitude <= BOX.north && longitude >= BOX.west && longitude <= BOX.east;
}

/** Warnings of Germany's weather service (DWD), in English or German. */
export async function germanWarnings(plugin: Plugin<Config>, { latitude, longitude }: Place): Promise<Found<Warning[]>> {
  const answer = await plugin.httpGet(URL_ALERTS, { params: { lat: latitude, lon: longitude }, timeout: TIMEOUT_S });
  if (!answer.ok) return missing(answer.error.status === 404 ? "elsewhere" : "no_answer");
  const { alerts, location } = fields(answer.data);
  if (!Array.isArray(alerts)) return missing("no_answer");
  const cell = number(fields(location).warn_cell_id);
  const language = plugin.language.startsWith("de") ? "de" : "en";
  const warnings = list(alerts).flatMap((alert) => readWarning(alert, cell ?? 0, language));
  // The same one may come twice. The worst first: a message has room for some.
  const each = [...new Map(warnings.map((warning) => [warning.id, warning])).values()];
  return found(each.sort((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity)));
}

/** Tests are left out. A warning is issued again and again under new ids: what it is about, how bad and from when makes it one. */
function readWarning(alert: Json, cell: number, language: "de" | "en"): Warning[] {
  const read = fields(alert);
  if (read.status !== "actual") return [];
  const [event, severity, onset] = [textIn(read, "event", language), text(read.severity), text(read.onset) ?? text(read.effective)];
  if (event === null || onset === null) return [];
  const words = language === "de" ? germanWords(event) : event.toLowerCase();
  const level = severity === null ? "Unknown" : severity.charAt(0).toUpperCase() + severity.slice(1).toLowerCase();
  const id = `dwd.${cell}.${number(read.event_code) ?? words}.${level}.${onset}`;
  return [
    { id, event: words, severity: level, headline: textIn(read, "headline", language) ?? words, ends: text(read.expires), replaces: [] },
  ];
}

/** The service shouts: `ORKANARTIGE BÖEN`. German nouns begin with a capital letter, and words between them do not. */
function germanWords(event: string): string {
  const small = new Set(["und", "oder", "mit", "von", "vor", "in", "im", "bis", "durch"]);
  const words = event.toLowerCase().split(" ");
  return words.map((word, at) => (at > 0 && small.has(word) ? word : word.charAt(0).toUpperCase() + word.slice(1))).join(" ");
}

/** In the language of the mesh, else in the other one. */
function textIn(read: ReturnType<typeof fields>, key: "event" | "headline", language: "de" | "en"): string | null {
  return text(read[`${key}_${language}`]) ?? text(read[`${key}_en`]) ?? text(read[`${key}_de`]);
}
