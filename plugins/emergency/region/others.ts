import type { Plugin, SharedEntry } from "zephyrgate";
import { cutText } from "zephyrgate";
import type { Alerts } from "../alerts.ts";
import type { IncidentBook } from "../book.ts";
import type { Config } from "../config.types.ts";
import type { Incident } from "../incident.ts";
import { alertedAbout, alertedByGateway, readResponders } from "../responders.ts";
import type { Watch } from "../watch.ts";
import { alertText, labelOf, wordsOf } from "../words.ts";
import type { RegionCases, Said } from "./region.ts";
import type { SiteView } from "./site-views.ts";
import { readKey, readView, type View } from "./view.ts";

const MINUTE_MS = 60_000;
/** Of one other site: open calls for help, new ones in ten minutes, and those that are remembered. */
const OPEN_MAX = 10;
const NEW_MAX = 20;
const NEW_MS = 10 * MINUTE_MS;
const KEPT_MAX = 100;
/** Texts of one sender that are passed on from one site in ten minutes. */
const PASS_ON_MAX = 20;
/** A call that began longer ago may be over, as another site is about to say. */
const OLD_MS = 2 * MINUTE_MS;
const SETTLE_MS = 45_000;
const WAITING_MAX = 200;

interface Heard extends SiteView {
  readonly siteName: string;
}

/** What other sites say about calls for help: responders of this site are alerted, and hear what changes. */
export class Others {
  /** Calls and texts of other sites that were left out: above their bounds, or wrong. */
  readonly refused = { cases: 0, texts: 0, wrong: 0 };
  /** When an old call was seen first that may be over. */
  readonly #waiting = new Map<string, number>();
  readonly #rates = new Map<string, { count: number; since: number }>();
  readonly #told = new Set<string>();

  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly book: IncidentBook,
    private readonly alerts: Alerts,
    private readonly watch: Watch,
    private readonly region: RegionCases,
  ) {}

  /** All that other sites say about one incident, old or new, in any order and however often. */
  async merge(key: string, said: Said): Promise<void> {
    const named = readKey(key);
    const heard = named === null ? [] : said.flatMap((entry) => this.#read(entry, named.sender));
    const [first] = heard;
    if (first === undefined || named === null) return;
    const known = await this.book.byKey(key);
    if (known === null) return this.#open(key, named.packet, heard);
    for (const each of heard) await this.#change(known.id, each);
  }

  #read({ key, value, site }: SharedEntry, sender: string): Heard[] {
    const view = readView(value, sender);
    if (view === null) this.#refuse("wrong", site.name, `what it says about ${key} is not understood`);
    const mark = wordsOf(this.plugin)("of_site", { site: site.name });
    return view === null ? [] : [{ site: site.id, siteName: site.name, mark, view }];
  }

  async #open(key: string, packet: number, heard: readonly Heard[]): Promise<void> {
    // Whoever heard the sender says best what happened.
    const [first] = [...heard].sort((a, b) => b.view.turn - a.view.turn || (a.site < b.site ? -1 : 1));
    if (first === undefined) return;
    const end = heard.find(({ view }) => view.closed !== null) ?? heard.find(({ view }) => view.isOver);
    if (end === undefined && this.#mayBeOver(key, first.view)) return this.region.later(SETTLE_MS);
    if (!(await this.#hasRoom(first, end === undefined))) return;
    this.#waiting.delete(key);
    const incident = await this.#add(key, packet, first, end);
    if (incident === null) return;
    for (const { site, mark, view } of heard) await this.book.views.put(incident.id, site, mark, view);
    if (end !== undefined) return;
    this.watch.begin();
    await this.#alert(incident);
  }

  async #add(key: string, packet: number, { site, siteName, view }: Heard, end: Heard | undefined): Promise<Incident | null> {
    const [first] = this.plugin.getConfig("kinds")[view.kind]?.escalate_minutes ?? [];
    const now = Date.now();
    const closed =
      end === undefined ? {} : { closed_at: now, outcome: end.view.closed?.outcome ?? "cleared", closed_by: this.#endedBy(end) };
    return this.book.add(
      {
        ...{ sender: view.sender, name: view.name, kind: view.kind, text: view.text, drill: view.drill, place: null, packet, key },
        ...{
          site,
          site_name: siteName,
          opened_at: Math.min(now, view.at),
          escalate_at: first === undefined ? null : now + first * MINUTE_MS,
        },
        ...placeOfView(view),
        ...closed,
      },
      now,
    );
  }

  async #alert(incident: Incident): Promise<void> {
    const hasIt = await alertedByGateway(this.plugin);
    const responders = await readResponders(this.plugin, this.plugin.getConfig("responders"));
    const own = responders.filter((each) => !hasIt(each));
    await this.alerts.send(incident, await this.alerts.ownOf(incident, own), alertText(wordsOf(this.plugin), incident));
  }

  /** What a site says anew about a known incident. */
  async #change(id: number, heard: Heard): Promise<void> {
    const before = (await this.book.views.of(id)).find(({ site }) => site === heard.site)?.view ?? null;
    const { site, mark, view } = heard;
    if (!(await this.book.views.put(id, site, mark, view))) return;
    const incident = await this.book.get(id);
    if (incident === null || incident.closed_at !== null) return;
    if (view.closed !== null || view.isOver) return this.#end(incident, heard);
    if (view.heard > (before?.heard ?? 0) || (before === null && view.turn > 0))
      await this.book.change(id, { heard_at: Date.now(), asked_at: null, misses: 0, silences: 0 });
    if (view.place !== null && String(view.place) !== String(before?.place)) await this.book.change(id, placeOfView(view));
    const isAnswered = await this.#answered(incident, heard, before);
    await this.#passOn(incident, heard, before);
    await this.alerts.report(id, isAnswered);
  }

  /** Whether somebody has answered at that site. */
  async #answered(incident: Incident, { view, mark }: Heard, before: View | null): Promise<boolean> {
    const known = new Set(before?.answers.map(([node, , what]) => `${node} ${what}`));
    const fresh = view.answers.filter(([node, , what]) => !known.has(`${node} ${what}`));
    if (fresh.some(([, , , responder]) => responder === 1)) await this.book.change(incident.id, { escalate_at: null });
    const t = wordsOf(this.plugin);
    const coming = fresh.filter(([, , what, responder]) => what === "coming" && responder === 1);
    const alerted = coming.length === 0 ? [] : await alertedAbout(this.plugin, this.book, incident);
    for (const [node, name] of coming)
      await this.alerts.inform(incident, alerted, t("other_coming", { label: labelOf(t, incident), name: name + mark }), node);
    return fresh.length > 0;
  }

  /** What the sender wrote there goes to those of this site who have the alert; whom the gateway tells itself is left out. */
  async #passOn(incident: Incident, { view, site, siteName, mark }: Heard, before: View | null): Promise<void> {
    const known = new Set(before?.notes.map(([at, , text]) => `${at} ${text}`));
    const fresh = view.notes.filter(([at, , text, isSender]) => isSender && text !== "" && !known.has(`${at} ${text}`)).reverse();
    const hasIt = await alertedByGateway(this.plugin);
    const t = wordsOf(this.plugin);
    for (const [, name, text] of fresh) {
      // It was heard here as well.
      if (await this.book.hasNote(incident.id, text)) continue;
      if (!this.#admits(`texts ${incident.id} ${site}`, PASS_ON_MAX)) {
        this.#refuse("texts", siteName, "it passes on too many texts of one sender");
        return;
      }
      const alerted = await alertedAbout(this.plugin, this.book, incident);
      const more = cutText(t("more", { id: incident.id, name: name + mark, text }));
      await this.alerts.inform(
        incident,
        alerted.filter((each) => !hasIt(each)),
        more,
        incident.sender,
      );
    }
    if (view.text !== "" && incident.turn === 0 && view.turn > 0) await this.book.change(incident.id, { text: view.text });
  }

  /** It was ended at another site: everybody here hears by whom, and where. */
  async #end(incident: Incident, heard: Heard): Promise<void> {
    const { closed } = heard.view;
    // Whether the sender is silent a site that heard him knows itself.
    if (closed?.outcome === "expired" && incident.turn > 0) return;
    const by = this.#endedBy(heard);
    if (!(await this.book.close(incident.id, closed?.outcome ?? "cleared", by))) return;
    const t = wordsOf(this.plugin);
    const values = { label: labelOf(t, incident), name: by, note: closed === null || closed.note === "" ? "" : `: ${closed.note}` };
    const text = cutText(closed?.outcome === "expired" ? t("expired", values) : t(closed?.isOwn === true ? "cancelled" : "closed", values));
    if (closed?.outcome !== "expired")
      await this.alerts.inform(incident, await alertedAbout(this.plugin, this.book, incident), text, incident.sender);
    // Every site that has heard the sender tells him: none can keep it from him.
    if (incident.turn > 0 && closed?.isOwn !== true) await this.alerts.tell(incident, text);
  }

  #endedBy({ view, siteName, mark }: Heard): string {
    return view.closed === null || view.closed.by === "" ? wordsOf(this.plugin)("site", { site: siteName }) : view.closed.by + mark;
  }

  /** A call that began a while ago is looked at once more before anybody is sent out. */
  #mayBeOver(key: string, { at }: View): boolean {
    const since = this.#waiting.get(key) ?? Date.now();
    if (this.#waiting.size < WAITING_MAX) this.#waiting.set(key, since);
    return Date.now() - at > OLD_MS && Date.now() - since < SETTLE_MS;
  }

  async #hasRoom({ site, siteName }: Heard, isOpen: boolean): Promise<boolean> {
    const { open, all } = await this.book.countFrom(site);
    const isWithin = isOpen ? open < OPEN_MAX && this.#admits(`cases ${site}`, NEW_MAX) : all < KEPT_MAX;
    if (!isWithin) this.#refuse("cases", siteName, "it passes on too many calls for help");
    return isWithin;
  }

  #admits(what: string, max: number): boolean {
    const now = Date.now();
    const last = this.#rates.get(what);
    const rate = last === undefined || now - last.since > NEW_MS ? { count: 0, since: now } : last;
    if (this.#rates.size > 1_000) this.#rates.clear();
    this.#rates.set(what, rate);
    rate.count++;
    return rate.count <= max;
  }

  #refuse(what: "cases" | "texts" | "wrong", site: string, why: string): void {
    this.refused[what]++;
    const once = `${what} ${site}`;
    if (this.#told.has(once)) return;
    if (this.#told.size > WAITING_MAX) this.#told.clear();
    this.#told.add(once);
    this.plugin.log.warn(`site ${site} is not heard about a call for help: ${why}`, { ...this.refused });
  }
}

function placeOfView({ place }: View): Pick<Incident, "latitude" | "longitude" | "position_at"> {
  const [latitude, longitude, position_at] = place ?? [null, null, null];
  return { latitude, longitude, position_at };
}
