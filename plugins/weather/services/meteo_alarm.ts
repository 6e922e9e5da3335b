/** Warnings of Europe's weather services by MeteoAlarm: one feed (Atom) for a country, whose entries name their areas. */
import type { Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import { type Found, found, missing, type Place, type Warning } from "../model.ts";
import { severityText, wordsOf } from "../words.ts";

const TIMEOUT_S = 8;
const FEED = "https://feeds.meteoalarm.org/feeds/meteoalarm-legacy-atom-";
/** Entries between two pauses: a feed has some hundreds. */
const AT_ONCE = 25;
const ENTRIES_MAX = 5_000;
const SEVERITIES = ["Unknown", "Minor", "Moderate", "Severe", "Extreme"];

/** Feeds by the country's code; Germany is asked elsewhere, by position. */
const FEEDS: { readonly [country: string]: string } = {
  ...{
    AT: "austria",
    BA: "bosnia-herzegovina",
    BE: "belgium",
    BG: "bulgaria",
    CH: "switzerland",
    CY: "cyprus",
    CZ: "czechia",
    DK: "denmark",
  },
  ...{
    EE: "estonia",
    ES: "spain",
    FI: "finland",
    FR: "france",
    GB: "united-kingdom",
    GR: "greece",
    HR: "croatia",
    HU: "hungary",
    IE: "ireland",
  },
  ...{ IL: "israel", IS: "iceland", IT: "italy", LT: "lithuania", LU: "luxembourg", LV: "latvia", MD: "moldova", ME: "montenegro" },
  ...{ MK: "republic-of-north-macedonia", MT: "malta", NL: "netherlands", NO: "norway", PL: "poland", PT: "portugal", RO: "romania" },
  ...{ RS: "serbia", SE: "sweden", SI: "slovenia", SK: "slovakia", UA: "ukraine" },
};
/** What its titles call a hazard, letters alone; the catalogue has the words in the same order. */
const HAZARDS =
  "wind|snowice|thunderstorm|fog|hightemperature|lowtemperature|coastalevent|forestfire|avalanches|rain|flooding|rainflood".split("|");
/** Words that one service writes and another does not. */
const GENERIC =
  /\b(?:province|provincia|provincie|region|regione|region|district|county|canton|kanton|kreis|bezirk|land|department|departement|comunidad|voivodeship|wojewodztwo|powiat|kraj|city|stadt|of|de|di|du|la|le|the|politischer)\b/g;

/** Whether there is a feed for this country. */
export function hasFeed(country: string | undefined): boolean {
  return country !== undefined && Object.hasOwn(FEEDS, country);
}

export async function europeanWarnings(plugin: Plugin<Config>, place: Place): Promise<Found<Warning[]>> {
  const feed = FEEDS[place.country ?? ""];
  if (feed === undefined) return missing("elsewhere");
  const answer = await plugin.httpGet(FEED + feed, { headers: { accept: "application/atom+xml" }, timeout: TIMEOUT_S });
  if (!answer.ok) {
    plugin.log.info("the feed of warnings could not be read", { feed, why: answer.error.message });
    return missing("no_answer");
  }
  const text = typeof answer.data === "string" ? answer.data : "";
  // Half a feed has no end; what is missing may be the warning.
  if (!/<feed[\s>]/.test(text.slice(0, 2_000)) || !/<\/feed>\s*$/.test(text.slice(-200))) return missing("no_answer");
  const entries = text.split("<entry>").slice(1, ENTRIES_MAX);
  const names = new Set((place.areas ?? []).map(plainName).filter((name) => name !== ""));
  const warnings = new Map<string, Warning>();
  for (const [at, entry] of entries.entries()) {
    if (at % AT_ONCE === AT_ONCE - 1) await plugin.pause();
    if (!isAbout(entry, names, place)) continue;
    const warning = readWarning(plugin, entry, place.country ?? "");
    if (warning !== null) warnings.set(warning.id, warning);
  }
  return found([...warnings.values()].sort((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity)));
}

/** By the name of its area, by a code of it, or by the place's lying within. */
function isAbout(entry: string, names: ReadonlySet<string>, { latitude, longitude }: Place): boolean {
  if (names.has(plainName(tag(entry, "cap:areaDesc")))) return true;
  if ([...entry.matchAll(/<value>([^<]{1,40})<\/value>/g)].some(([, code = ""]) => names.has(plainName(code)))) return true;
  return [...entry.matchAll(/<cap:polygon>([^<]{10,})<\/cap:polygon>/g)].some(([, points = ""]) => isInside(points, latitude, longitude));
}

/** Null: it is over, a test, or taken back. */
function readWarning(plugin: Plugin<Config>, entry: string, country: string): Warning | null {
  const t = wordsOf(plugin);
  const [ends, status, kind] = [tag(entry, "cap:expires"), tag(entry, "cap:status"), tag(entry, "cap:message_type")];
  if (!(Date.parse(ends) > Date.now()) || (status !== "" && status !== "Actual") || kind === "Cancel") return null;
  const area = tag(entry, "cap:areaDesc").slice(0, 60);
  const [, hazard] = /^(?:Green|Yellow|Orange|Red) (.{1,40}?) Warning issued/i.exec(tag(entry, "title")) ?? [];
  const known = HAZARDS.indexOf((hazard ?? "").toLowerCase().replace(/[^a-z]/g, ""));
  const event = (t("hazards").split("|")[known] ?? (hazard === undefined ? tag(entry, "cap:event") : hazard.toLowerCase())).slice(0, 60);
  const severity = tag(entry, "cap:severity");
  const level = SEVERITIES.includes(severity) ? severity : "Unknown";
  if (event === "" || level === "Minor") return null;
  // Issued again and again under new ids: what it is about, where, how bad and from when makes it one.
  const id = `ma.${country}.${plainName(area)}.${event}.${level}.${tag(entry, "cap:onset") || tag(entry, "cap:effective")}`;
  return { id, event, severity: level, headline: t("warning_of", { event, area, severity: severityText(t, level) }), ends, replaces: [] };
}

/** The words of an element without attributes; "" for none. */
function tag(entry: string, name: string): string {
  const from = entry.indexOf(`<${name}>`);
  const to = from < 0 ? -1 : entry.indexOf(`</${name}>`, from);
  return to < 0 ? "" : unescaped(entry.slice(from + name.length + 2, Math.min(to, from + 1_000))).trim();
}

function unescaped(text: string): string {
  const named: { readonly [name: string]: string } = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(
    /&(lt|gt|quot|apos|amp|#\d{1,6});/g,
    (_, name: string) => named[name] ?? String.fromCodePoint(Math.min(Number(name.slice(1)), 0x10ffff)),
  );
}

/** Without accents, case, punctuation, and words such as "district". */
function plainName(text: string): string {
  const plain = text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/ß/g, "ss");
  return plain
    .replace(GENERIC, " ")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** `lat,lon lat,lon ...`: how often a ray to the east crosses the edge. */
function isInside(points: string, latitude: number, longitude: number): boolean {
  const corners = points
    .trim()
    .split(/\s+/)
    .map((point) => point.split(",").map(Number));
  let inside = false;
  for (const [at, [north = Number.NaN, east = Number.NaN]] of corners.entries()) {
    const [before = Number.NaN, beforeEast = Number.NaN] = corners[(at + corners.length - 1) % corners.length] ?? [];
    const crosses = north > latitude !== before > latitude;
    if (crosses && longitude < ((beforeEast - east) * (latitude - north)) / (before - north) + east) inside = !inside;
  }
  return inside;
}
