import { asWritten, byteLength, type CommandContext, cutText, fitLines, type Plugin } from "zephyrgate";
import type { Alerts } from "./alerts.ts";
import type { IncidentBook } from "./book.ts";
import type { Config } from "./config.types.ts";
import { type Answer, type Incident, plainText } from "./incident.ts";
import type { RegionCases } from "./region/region.ts";
import { alertedAbout, allResponders, isResponder } from "./responders.ts";
import { ageOf, factsOf, kindOf, labelOf, numberIn, placeOf, wordsOf } from "./words.ts";

const PAGE = 20;
const PACKET_BYTES = 200;

/** What responders and others ask and say about calls for help. */
export class Answers {
  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly book: IncidentBook,
    private readonly alerts: Alerts,
    private readonly region: RegionCases,
  ) {}

  async answered(what: Answer["what"], args: readonly string[], context: CommandContext): Promise<string> {
    const chosen = await this.#choose(args, await this.book.allOpen(), context);
    if (typeof chosen === "string") return chosen;
    const { incident, note } = chosen;
    const t = wordsOf(this.plugin);
    const responds = await isResponder(this.plugin, context);
    const label = labelOf(t, incident);
    if (what === "ack" && !responds) return t("not_yours", { label });
    const name = plainText(context.senderName);
    const answer: Answer = { node: context.senderId, name, what, is_responder: responds ? 1 : 0 };
    if (note !== "") await this.book.note(incident.id, context.senderId, note);
    if (await this.book.addAnswer(incident.id, answer)) {
      if (responds) await this.book.change(incident.id, { escalate_at: null });
      await this.alerts.report(incident.id, true);
      if (what === "coming" && responds)
        await this.alerts.inform(incident, await allResponders(this.plugin), t("other_coming", { label, name }), context.senderId);
    }
    await this.region.refresh();
    const carer = await this.region.carer(incident);
    const values = { label, name: incident.name, id: incident.id };
    // Another site hears the sender, and tells him: the truth is that it is told, or will be.
    if (carer !== null) return cutText(t(carer.isOnline ? "acked_far" : "acked_away", { ...values, site: carer.name }));
    return cutText(what === "ack" ? t("you_acked", values) : t("you_respond", { ...values, place: responds ? placeOf(t, incident) : "" }));
  }

  /** By its sender, a responder or an operator. `isOwn`: the word that only takes back a call of one's own. */
  async ended(outcome: "cleared" | "cancelled", args: readonly string[], context: CommandContext): Promise<string> {
    const t = wordsOf(this.plugin);
    const own = await this.book.openOf(context.senderId);
    const responds = await isResponder(this.plugin, context);
    if (own === null && !responds && !/^#?\d+$/.test(args[0] ?? "")) return t("none_yours");
    const chosen = await this.#choose(args, own === null ? await this.book.allOpen() : [own], context);
    if (typeof chosen === "string") return chosen;
    const { incident, note } = chosen;
    const label = labelOf(t, incident);
    const isOwn = incident.sender === context.senderId;
    if (!isOwn && !responds) return t("not_yours", { label });
    const by = plainText(context.senderName);
    const closing = { outcome, by: by.slice(0, 60), isOwn, note: note.slice(0, 120), at: Date.now() };
    if (!(await this.book.close(incident.id, outcome, by, closing))) return t("unknown", { id: incident.id });
    const text = cutText(t(isOwn ? "cancelled" : "closed", { label, name: by, note: note === "" ? "" : `: ${note}` }));
    // A site that never heard the sender leaves it to those that did.
    if (!isOwn && (incident.key === null || incident.turn > 0)) await this.alerts.tell(incident, text);
    const responders = await alertedAbout(this.plugin, this.book, incident);
    await this.alerts.inform(incident, responders, text, context.senderId);
    const others = responders.filter((each) => each.kind === "channel" || each.id !== context.senderId);
    const names = others.map(({ name }) => name).join(", ");
    return names === "" ? t("you_closed_alone", { label }) : cutText(t("you_closed", { label, names: cutText(names, 100) }));
  }

  async status(args: readonly string[], context: CommandContext): Promise<string> {
    const own = await this.book.openOf(context.senderId);
    const chosen = await this.#choose(args, own === null || args.length > 0 ? await this.book.allOpen() : [own], context);
    if (typeof chosen === "string") return chosen;
    const { incident } = chosen;
    const t = wordsOf(this.plugin);
    const maySeePlace = incident.sender === context.senderId || (await isResponder(this.plugin, context));
    const { id } = incident;
    const facts = factsOf(t, incident, await this.book.alerts(id), await this.book.answers(id), await this.book.views.of(id));
    const label = labelOf(t, incident);
    const text = t("status", {
      label,
      kind: kindOf(t, incident),
      name: incident.name,
      place: maySeePlace ? placeOf(t, incident) : "",
      age: ageOf(t, incident.opened_at),
      facts: facts === "" ? t("no_facts") : facts.slice(label.length + 2),
    });
    const withHint = t("history_hint", { facts: text, id: incident.id });
    return maySeePlace && byteLength(withHint) <= PACKET_BYTES ? withHint : cutText(text);
  }

  async active(): Promise<string> {
    const open = await this.book.allOpen();
    const t = wordsOf(this.plugin);
    if (open.length === 0) return t("none_open");
    const lines: string[] = [];
    for (const incident of open) {
      const coming = (await this.book.answers(incident.id)).filter(({ what, is_responder }) => what === "coming" && is_responder === 1);
      const kind = incident.drill === 1 ? `TEST ${kindOf(t, incident)}` : kindOf(t, incident);
      const line = { id: incident.id, kind, name: incident.name, age: ageOf(t, incident.opened_at) };
      lines.push(coming.length === 0 ? t("line", line) : t("line_coming", { ...line, names: coming.map(({ name }) => name).join(", ") }));
    }
    return fitLines(lines, { more: (shown) => `+${lines.length - shown}` }).text;
  }

  async past(args: readonly string[], context: CommandContext): Promise<string> {
    const t = wordsOf(this.plugin);
    if (!(await isResponder(this.plugin, context))) return t("only_responders");
    const found = await this.book.past(numberIn(args[0]) ?? Number.MAX_SAFE_INTEGER, PAGE);
    if (found.length === 0) return t("none_past");
    const lines = found.map((incident) => {
      const { id, outcome, name, closed_by, opened_at, drill } = incident;
      const how =
        outcome === null
          ? t("outcome_open")
          : outcome === "cleared"
            ? t("outcome_cleared", { name: closed_by ?? "" })
            : t(`outcome_${outcome}`);
      const kind = drill === 1 ? `TEST ${kindOf(t, incident)}` : kindOf(t, incident);
      return t("history_line", { id, kind, name, date: this.plugin.formatTime(opened_at, { style: "date" }), outcome: how });
    });
    return fitLines(lines, { hasMore: found.length === PAGE, more: (shown) => t("more_lines", { id: found[shown - 1]?.id ?? 0 }) }).text;
  }

  /** The incident that is meant, and the words behind its number; a text for the sender where it is not clear. */
  async #choose(
    args: readonly string[],
    open: readonly Incident[],
    context: CommandContext,
  ): Promise<{ readonly incident: Incident; readonly note: string } | string> {
    const t = wordsOf(this.plugin);
    const number = numberIn(args[0]);
    const note = plainText(asWritten(context, args.slice(number === null ? 0 : 1)));
    if (number !== null) {
      const incident = await this.book.get(number);
      return incident === null || incident.closed_at !== null ? t("unknown", { id: number }) : { incident, note };
    }
    const [only] = open;
    if (only === undefined) return t("none_open");
    if (open.length === 1) return { incident: only, note };
    const lines = open.map((incident) => `${incident.id} ${incident.name}`);
    return fitLines([t("which", { list: "" }).trim(), ...lines], { more: (shown) => `+${lines.length + 1 - shown}` }).text;
  }
}
