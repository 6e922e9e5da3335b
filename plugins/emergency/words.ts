import { cutText, defineTexts, type Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import type { Alert, Answer, Incident } from "./incident.ts";
import de from "./locales/de.ts";
import en from "./locales/en.ts";
import type { SiteView } from "./region/site-views.ts";

const texts = defineTexts({ en, de });

export type Words = ReturnType<typeof texts>;

export function wordsOf(plugin: Plugin<Config>): Words {
  return texts(plugin.language);
}

/** `3` or `#3`; null for anything else. */
export function numberIn(word: string | undefined): number | null {
  const digits = /^#?(\d{1,12})$/.exec(word ?? "")?.[1];
  return digits === undefined ? null : Number(digits);
}

/** `Incident 3`, and in a drill `TEST incident 3`. */
export function labelOf(t: Words, { id, drill }: Pick<Incident, "id" | "drill">): string {
  return drill === 1 ? t("drill_label", { id }) : t("label", { id });
}

export function kindOf(t: Words, { kind }: Pick<Incident, "kind">): string {
  return t(`kind_${kind}`);
}

/** Since when: `now`, `12 min`, `3 h`. */
export function ageOf(t: Words, at: number, now = Date.now()): string {
  const minutes = Math.max(0, Math.round((now - at) / 60_000));
  if (minutes < 1) return t("now");
  if (minutes < 120) return t("minutes", { count: minutes });
  const hours = Math.round(minutes / 60);
  return hours < 48 ? t("hours", { count: hours }) : t("days", { count: Math.round(hours / 24) });
}

/** `, at 47.12346 8.50000 (3 min)`; empty where the place is not known. */
export function placeOf(t: Words, { latitude, longitude, position_at }: Incident): string {
  if (latitude === null || longitude === null) return "";
  const values = { latitude: latitude.toFixed(5), longitude: longitude.toFixed(5) };
  return position_at === null ? t("place_undated", values) : t("place", { ...values, age: ageOf(t, position_at) });
}

/** What a responder reads. It begins with no emergency word: another gateway would take it for a call. */
export function alertText(t: Words, incident: Incident, round = 0): string {
  const { id, sender, name, text, site_name } = incident;
  const again = round === 0 ? "" : t("again", { round: round + 1 });
  const values = {
    id,
    kind: again + kindOf(t, incident),
    who: (name === sender ? sender : `${name} (${sender})`) + (site_name === null ? "" : t("heard_at", { site: site_name })),
    place: placeOf(t, incident),
    text: text === "" ? t("no_text") : text,
  };
  return incident.drill === 1 ? t("drill_alert", values) : t("alert", values);
}

/** Names in one text, with how many there are. */
const list = (names: readonly string[]) => ({ names: names.join(", "), count: names.length });

/** What is true of the alerts now, for the sender; empty when there is nothing to say. `views`: what other sites say. */
export function factsOf(
  t: Words,
  incident: Incident,
  alerts: readonly Alert[],
  answers: readonly Answer[],
  views: readonly SiteView[] = [],
): string {
  const sites = views.flatMap(({ mark, view }) => {
    const states = Object.values(view.alerted);
    const reached = states.filter((state) => state === "r").length;
    return reached + view.channels.length === 0
      ? []
      : [
          t("site_has_it", {
            mark,
            facts: reached > 0 ? t("has_it", { reached, count: states.length }) : t("on_channel", list(view.channels)),
          }),
        ];
  });
  const reached = (isChannel: number) => [
    ...new Set(alerts.filter((each) => each.is_channel === isChannel && each.state === "reached").map(({ target }) => target)),
  ];
  const nodes = new Set(alerts.filter(({ is_channel }) => is_channel === 0).map(({ target }) => target));
  const [has, channels] = [reached(0), reached(1)];
  const coming = answers.filter(({ what, is_responder }) => what === "coming" && is_responder === 1).map(({ name }) => name);
  const read = answers.filter(({ what, is_responder }) => what === "ack" && is_responder === 1).map(({ name }) => name);
  const strangers = answers.filter(({ is_responder }) => is_responder === 0).map(({ name }) => name);
  const isAlone = coming.length + read.length === 0;
  const facts = [
    ...(coming.length > 0 ? [t("coming", list(coming))] : []),
    ...(read.length > 0 ? [t("acked", list(read))] : []),
    ...(has.length > 0 ? [t("has_it", { reached: has.length, count: nodes.size })] : []),
    ...(channels.length > 0 ? [t("on_channel", list(channels))] : []),
    ...(isAlone && incident.escalations > 0 ? [t("escalated")] : []),
    ...sites,
    ...(isAlone && has.length + channels.length + sites.length === 0 && alerts.length > 0 ? [t("nobody")] : []),
    ...(strangers.length > 0 ? [t("stranger_coming", list(strangers))] : []),
  ];
  return facts.length === 0 ? "" : cutText(t("report", { label: labelOf(t, incident), facts: facts.join("; ") }));
}
