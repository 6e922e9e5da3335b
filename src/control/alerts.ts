import { type Actor, type AlertControl, by } from "../api/contract/control.ts";
import type { AlertView } from "../api/contract/views.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { CoreBus, CoreEvents } from "../events/core.ts";
import type { AlertStore } from "./alert-store.ts";
import { iso } from "./views.ts";

const KEPT = 100;
const MAX_MESSAGE = 1000;
/** Each one is a matter of its own, even with the code of another. */
const SEPARATE = new Set(["emergency"]);
/** What happened once, and is raised by nobody again after a restart: it stays on the list until somebody has seen it. */
const LASTING = new Set(["emergency", "gateway_failed", "restored", "restore_returned", "upgraded"]);

export interface AlertDeps {
  readonly bus: CoreBus;
  now(): number;
  /** A short, unpredictable id, so that one of an earlier run is never taken for a present one. */
  newId(): string;
  audit(event: string, detail: string): void;
  /** The list over a restart; absent: it begins empty. Writing may throw. */
  readonly store?: Pick<AlertStore, "load" | "save" | "remove">;
}

/**
 * Problems that need the operator, newest first, at most 100. One that is raised again counts up until it is acknowledged; it
 * leaves the list when its cause is over, and makes room when there are too many, acknowledged and oldest ones first. After a restart
 * an alert that is raised again is the one from before, acknowledged if that was.
 */
export class Alerts implements AlertControl {
  #alerts: AlertView[] = [];
  readonly #raised = new Map<string, number>();
  #dropped = 0;
  /** Of the last run: what is raised again continues them. */
  #before: AlertView[];

  constructor(private readonly deps: AlertDeps) {
    const { bus, store } = deps;
    const stored = store?.load() ?? [];
    this.#alerts = stored.filter(({ code }) => LASTING.has(code)).slice(0, KEPT);
    this.#before = stored.filter(({ code }) => !LASTING.has(code));
    bus.on("alert", (event) => this.#raise(event));
    bus.on("alert_cleared", (over) => this.#clear((alert) => isAbout(alert, over)));
    bus.on("plugin_started", ({ plugin }) => this.#clear((alert) => alert.plugin === plugin && alert.site === undefined));
    bus.on("emergency_acknowledged", ({ case: about, by: who, site }) => {
      if (site !== undefined) this.#acknowledgeCase(about, `${who} at ${site}`);
    });
  }

  list(): readonly AlertView[] {
    return this.#alerts;
  }

  /** How often each code was raised, how many alerts were dropped unread for want of room. */
  counts(): { readonly raised: ReadonlyMap<string, number>; readonly dropped: number } {
    return { raised: this.#raised, dropped: this.#dropped };
  }

  acknowledge(id: string, actor: Actor): Result<AlertView> {
    const found = this.#alerts.find((alert) => alert.id === id);
    if (found === undefined) return fail("not_found", "there is no such alert", { hint: "zephyrgate alerts" });
    if (found.acknowledged_at !== null) return ok(found);
    const acknowledged = { ...found, acknowledged_at: iso(this.deps.now()) };
    this.#alerts = this.#alerts.map((alert) => (alert === found ? acknowledged : alert));
    this.#store((store) => store.save(acknowledged));
    this.deps.audit("alert_acknowledged", `${found.code}: ${found.message.slice(0, 200)} (${by(actor)})`);
    if (found.case !== undefined) this.deps.bus.emit("emergency_acknowledged", { case: found.case, by: by(actor) });
    return ok(acknowledged);
  }

  /** The causes of the last run had time to show again: those that did not are over, and new ones are told anew. */
  forgetBefore(): void {
    const ids = this.#before.map(({ id }) => id);
    this.#before = [];
    this.#store((store) => store.remove(ids));
  }

  /** All that is open of a case: at the other site somebody looks after the person, not after one text. */
  #acknowledgeCase(about: string, who: string): void {
    const isOpen = ({ case: belongsTo, acknowledged_at }: AlertView) => acknowledged_at === null && belongsTo === about;
    const noted = { acknowledged_at: iso(this.deps.now()), acknowledged_by: who };
    const open = this.#alerts.filter(isOpen);
    if (open.length === 0) return;
    this.#alerts = this.#alerts.map((alert) => (isOpen(alert) ? { ...alert, ...noted } : alert));
    this.#store((store) => {
      for (const alert of open) store.save({ ...alert, ...noted });
    });
    this.deps.audit("alert_acknowledged", `emergency: ${open[0]?.message.slice(0, 200)} (${who})`);
  }

  #raise({ code, message, plugin, link, site, quiet, case: about }: CoreEvents["alert"]): void {
    this.#raised.set(code, (this.#raised.get(code) ?? 0) + 1);
    const text = message.slice(0, MAX_MESSAGE);
    const isSame = (alert: AlertView) => isOf(alert, { code, plugin, link, site }) && (!SEPARATE.has(code) || alert.message === text);
    const open = this.#alerts.find((alert) => isSame(alert) && alert.acknowledged_at === null);
    const before = this.#before.find(isSame);
    this.#before = this.#before.filter((alert) => alert !== before);
    const where = { ...(plugin === undefined ? {} : { plugin }), ...(link === undefined ? {} : { link }) };
    const from = { ...(site === undefined ? {} : { site }), ...(about === undefined ? {} : { case: about }) };
    const fresh = { id: this.deps.newId(), time: iso(this.deps.now()), code, ...where, ...from, times: 1, acknowledged_at: null };
    const known = open ?? before;
    const alert = known === undefined ? { ...fresh, message: text } : { ...known, message: text, times: known.times + 1 };
    // What was acknowledged and happens again is told again, unless only the gateway has started again.
    this.#alerts = [alert, ...this.#alerts.filter((other) => !isSame(other))];
    if (this.#alerts.length > KEPT) this.#makeRoom();
    if (open !== undefined) return;
    this.#store((store) => store.save(alert));
    if (alert.acknowledged_at === null) this.#changed("raised", alert, quiet);
  }

  #makeRoom(): void {
    const read = this.#alerts.findLast((alert) => alert.acknowledged_at !== null);
    const gone = read ?? this.#alerts.at(-1);
    if (read === undefined) this.#dropped += 1;
    this.#alerts = this.#alerts.filter((alert) => alert !== gone);
    if (gone !== undefined) this.#store((store) => store.remove([gone.id]));
  }

  #clear(isOver: (alert: AlertView) => boolean): void {
    const over = this.#alerts.filter(isOver);
    const ids = [...over, ...this.#before.filter(isOver)].map(({ id }) => id);
    this.#alerts = this.#alerts.filter((alert) => !isOver(alert));
    this.#before = this.#before.filter((alert) => !isOver(alert));
    this.#store((store) => store.remove(ids));
    for (const alert of over) this.#changed("cleared", alert);
  }

  /** An alert is told also where it cannot be stored: it may be about the full disk. */
  #store(write: (store: NonNullable<AlertDeps["store"]>) => void): void {
    try {
      if (this.deps.store !== undefined) write(this.deps.store);
    } catch {
      // The disk watch tells of the disk.
    }
  }

  #changed(change: "raised" | "cleared", { id, code, message, plugin, link, site }: AlertView, quiet?: true): void {
    this.deps.bus.emit("alert_changed", {
      change,
      id,
      time: iso(this.deps.now()),
      code,
      message,
      ...(plugin === undefined ? {} : { plugin }),
      ...(link === undefined ? {} : { link }),
      ...(site === undefined ? {} : { site }),
      ...(quiet === undefined ? {} : { quiet }),
    });
  }
}

function isOf(alert: AlertView, about: { readonly [key in "code" | "plugin" | "link" | "site"]: string | undefined }): boolean {
  return alert.code === about.code && alert.plugin === about.plugin && alert.link === about.link && alert.site === about.site;
}

function isAbout(alert: AlertView, { code, plugin, link, site }: CoreEvents["alert_cleared"]): boolean {
  const isPlugin = plugin === undefined || alert.plugin === (plugin ?? undefined);
  return alert.code === code && alert.site === site && isPlugin && (link === undefined || alert.link === link);
}
