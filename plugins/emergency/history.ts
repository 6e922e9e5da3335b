import { type CommandContext, cutText, fitLines, type Plugin } from "zephyrgate";
import type { IncidentBook, Moment } from "./book.ts";
import type { Config } from "./config.types.ts";
import { type Alert, type Answer, type Incident, plainText } from "./incident.ts";
import { alertedByGateway, allResponders, isResponder, type Responder } from "./responders.ts";
import { ageOf, labelOf, numberIn, wordsOf } from "./words.ts";

const PAGE = 20;
/** Of one entry, so that some fit one message. */
const LINE_BYTES = 100;

/** What happened in an incident, and who was to help: for its sender and the responders, page by page. */
export class History {
  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly book: IncidentBook,
  ) {}

  /** `history 3`, `history 3 11`: the eleventh entry and those before it. The newest first; also of a closed incident. */
  async history(args: readonly string[], context: CommandContext): Promise<string> {
    const t = wordsOf(this.plugin);
    const incident = await this.#meant(args[0], context.senderId);
    if (incident === null) return t(args[0] === undefined ? "none_open" : "none_ever", { id: plainText(args[0] ?? "").slice(0, 12) });
    const label = labelOf(t, incident);
    if (incident.sender !== context.senderId && !(await isResponder(this.plugin, context))) return t("not_yours", { label });
    const [count, from] = [await this.book.countMoments(incident.id), Math.max(1, numberIn(args[1]) ?? 1)];
    const moments = await this.book.moments(incident.id, PAGE, from - 1);
    if (moments.length === 0) return t("history_end", { label, count });
    return fitLines(
      moments.map((moment) => this.#line(moment)),
      {
        title: t("history_title", { label, count }),
        hasMore: from - 1 + moments.length < count,
        more: (shown) => t("history_more", { id: incident.id, from: from + shown }),
      },
    ).text;
  }

  #line({ at, what, who, text }: Moment): string {
    const t = wordsOf(this.plugin);
    const values = { age: ageOf(t, at), name: who, text: text === "" ? t("no_text") : text };
    if (what === "note" && who === "") return t("moment_silent", values);
    return cutText(t(`moment_${what}`, values), LINE_BYTES);
  }

  /** By its number; without one the sender's own, else the only open one. */
  async #meant(word: string | undefined, sender: string): Promise<Incident | null> {
    const number = numberIn(word);
    if (number !== null) return this.book.get(number);
    if (word !== undefined) return null;
    const own = await this.book.openOf(sender);
    if (own !== null) return own;
    const open = await this.book.allOpen();
    return open.length === 1 ? (open[0] ?? null) : null;
  }

  /** `responders`, `responders 3`, `responders 3 11`: who is to help, and how far each is. */
  async responders(args: readonly string[], context: CommandContext): Promise<string> {
    const t = wordsOf(this.plugin);
    if (!(await isResponder(this.plugin, context))) return t("only_responders");
    const incident = await this.#meant(args[0], "");
    if (incident === null && args[0] !== undefined) return t("none_ever", { id: plainText(args[0]).slice(0, 12) });
    const all = await allResponders(this.plugin);
    if (all.length === 0) return t("responders_none");
    const from = Math.max(1, numberIn(args[1]) ?? 1);
    const lines = incident === null ? await this.#heard(all) : await this.#standing(all, incident);
    const title = incident === null ? t("responders_title", { count: all.length }) : labelOf(t, incident);
    const id = incident?.id ?? 0;
    return fitLines(lines.slice(from - 1), { title, more: (shown) => t("responders_more", { id, from: from + shown }) }).text;
  }

  async #heard(all: readonly Responder[]): Promise<string[]> {
    const t = wordsOf(this.plugin);
    const lines: string[] = [];
    for (const responder of all) {
      const heard = responder.kind === "node" ? (await this.plugin.getNodeInfo(responder.id))?.lastHeard : undefined;
      if (responder.kind === "channel") lines.push(t("responder_channel", { name: responder.name }));
      else if (heard === undefined) lines.push(t("responder_unheard", { name: responder.name }));
      else lines.push(t("responder_heard", { name: responder.name, age: ageOf(t, heard) }));
    }
    return lines;
  }

  async #standing(all: readonly Responder[], { id }: Incident): Promise<string[]> {
    const [alerts, answers] = [await this.book.alerts(id), await this.book.answers(id)];
    const t = wordsOf(this.plugin);
    const ofGateway = await alertedByGateway(this.plugin);
    return all.map((responder) => {
      const standing = standingOf(responder, alerts, answers);
      return t(standing === "responder_not_asked" && ofGateway(responder) ? "responder_of_gateway" : standing, { name: responder.name });
    });
  }
}

function standingOf(responder: Responder, alerts: readonly Alert[], answers: readonly Answer[]) {
  const answer = responder.kind === "node" ? answers.find(({ node }) => node === responder.id) : undefined;
  if (answer !== undefined) return answer.what === "coming" ? "responder_coming" : "responder_read";
  const own = alerts.filter(({ target }) => target === responder.name);
  if (own.some(({ state }) => state === "reached")) return responder.kind === "channel" ? "responder_sent" : "responder_has";
  if (own.some(({ state }) => state === "pending")) return "responder_pending";
  return own.length === 0 ? "responder_not_asked" : "responder_missed";
}
