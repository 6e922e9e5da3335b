import type { Plugin, RegistrationHandle } from "zephyrgate";
import type { Alerts } from "./alerts.ts";
import type { IncidentBook } from "./book.ts";
import type { Config } from "./config.types.ts";
import type { Incident } from "./incident.ts";
import type { RegionCases } from "./region/region.ts";
import { alertedByGateway, allResponders, readResponders } from "./responders.ts";
import { alertText, labelOf, placeOf, wordsOf } from "./words.ts";

const EVERY_S = 15;
const MINUTE_MS = 60_000;
/** How often the responders are told that one sender is silent; then it is no longer asked. */
const SILENCES_MAX = 3;

/** What happens by itself while a call for help is open. Nothing runs while none is. */
export class Watch {
  #task: RegistrationHandle | null = null;
  region: RegionCases | null = null;

  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly book: IncidentBook,
    private readonly alerts: Alerts,
  ) {}

  /** Idempotent. */
  begin(): void {
    this.#task ??= this.plugin.registerScheduledTask("watch", { interval: EVERY_S, runAtStart: true }, () => this.#look());
  }

  async #look(): Promise<void> {
    const open = await this.book.allOpen();
    for (const incident of open) await this.#lookAt(incident);
    if ((await this.book.allOpen()).length > 0) return;
    this.#task?.dispose();
    this.#task = null;
  }

  async #lookAt(incident: Incident): Promise<void> {
    await this.alerts.reconcile(incident);
    if (await this.#expire(incident)) return;
    const responders = await readResponders(this.plugin, this.plugin.getConfig("responders"));
    // `escalate_at` is null once somebody has answered, and after the last escalation: the alert then says nothing of it.
    const round = incident.escalate_at === null ? 0 : incident.escalations;
    await this.alerts.retry(incident, responders, alertText(wordsOf(this.plugin), incident, round));
    await this.#takeOver(incident);
    await this.#escalate(incident);
    await this.#checkIn(incident);
    await this.alerts.report(incident.id);
  }

  async #expire(incident: Incident): Promise<boolean> {
    const { id, drill, opened_at, heard_at } = incident;
    const end =
      drill === 1
        ? opened_at + this.plugin.getConfig("drill_minutes") * MINUTE_MS
        : heard_at + this.plugin.getConfig("expire_hours") * 60 * MINUTE_MS;
    if (Date.now() < end) return false;
    // Only a site that hears the sender knows that he is silent everywhere.
    const isHeard = incident.key === null || incident.turn > 0;
    const closing = { outcome: "expired", by: "", isOwn: false, note: "", at: Date.now() } as const;
    if (!(await this.book.close(id, "expired", "", isHeard ? closing : null))) return false;
    if (!isHeard) return true;
    const t = wordsOf(this.plugin);
    await this.alerts.tell(
      incident,
      drill === 1 ? t("drill_over", { label: labelOf(t, incident) }) : t("expired", { label: labelOf(t, incident) }),
    );
    return true;
  }

  /** Nobody has answered: all are alerted again, and those who are alerted only then. */
  async #escalate(incident: Incident): Promise<void> {
    const { id, kind, escalate_at, escalations } = incident;
    if (escalate_at === null || Date.now() < escalate_at) return;
    const [next] = this.plugin.getConfig("kinds")[kind]?.escalate_minutes?.slice(escalations + 1) ?? [];
    await this.book.change(id, { escalations: escalations + 1, escalate_at: next === undefined ? null : Date.now() + next * MINUTE_MS });
    await this.book.note(id, "", `escalation ${escalations + 1}`);
    const responders = await this.alerts.ownOf(incident, await allResponders(this.plugin));
    await this.alerts.send(incident, responders, alertText(wordsOf(this.plugin), incident, escalations + 1));
    await this.alerts.report(id, true);
  }

  /**
   * The site that looked after the sender is away: this one does, if it has heard him. And responders whom that site has not reached
   * are alerted from here.
   */
  async #takeOver(incident: Incident): Promise<void> {
    const views = await this.book.views.of(incident.id);
    if (views.length === 0) return;
    const carer = (await this.region?.carer(incident)) ?? null;
    if (carer !== null && !carer.isOnline && incident.turn > 0) await this.region?.takeTurn(incident);
    const alerted = new Set((await this.book.alerts(incident.id)).map(({ target }) => target));
    const hasIt = await alertedByGateway(this.plugin);
    const responders = await readResponders(this.plugin, this.plugin.getConfig("responders"));
    const lost = responders.filter(
      (each) => each.kind === "node" && !alerted.has(each.name) && !hasIt(each) && views.some(({ view }) => view.alerted[each.id] === "f"),
    );
    await this.alerts.send(incident, await this.alerts.ownOf(incident, lost), alertText(wordsOf(this.plugin), incident));
  }

  /** How long the sender may be silent here, ms; null: another site asks. One that heard him asks later than the one that looks after him. */
  async #patience(incident: Incident): Promise<number | null> {
    const factor = (await this.alerts.carers.looksAfter(incident)) ? 1 : 2;
    return factor === 1 || incident.turn > 0 ? factor * this.plugin.getConfig("check_in_minutes") * MINUTE_MS : null;
  }

  /** Asks a silent sender whether it is all right, and alerts the responders when it does not answer. */
  async #checkIn(incident: Incident): Promise<void> {
    const { id, heard_at, asked_at, misses, silences } = incident;
    const patience = await this.#patience(incident);
    if (silences >= SILENCES_MAX || patience === null) return;
    const now = Date.now();
    if (asked_at === null) {
      // After the responders were told of its silence it is asked later, not at once.
      const since = heard_at + 2 * silences * patience;
      if (now - since >= patience) await this.#ask(incident);
      return;
    }
    if (now - asked_at < this.plugin.getConfig("answer_minutes") * MINUTE_MS) return;
    await this.book.note(id, "", "no answer to a check-in");
    if (misses + 1 < this.plugin.getConfig("missed_check_ins")) {
      await this.book.change(id, { misses: misses + 1 });
      await this.#ask(incident);
      return;
    }
    await this.book.change(id, { misses: 0, asked_at: null, silences: silences + 1 });
    const t = wordsOf(this.plugin);
    const minutes = Math.round((now - heard_at) / MINUTE_MS);
    const text = t("silent", { id, name: incident.name, minutes, place: placeOf(t, incident) });
    await this.alerts.send(incident, await allResponders(this.plugin), text);
  }

  async #ask(incident: Incident): Promise<void> {
    await this.book.change(incident.id, { asked_at: Date.now() });
    const t = wordsOf(this.plugin);
    await this.alerts.tell(incident, t("check_in", { label: labelOf(t, incident), id: incident.id }));
  }
}
