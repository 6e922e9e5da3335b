import { type Actor, type AlertControl, by } from "../api/contract/control.ts";
import type { AlertView } from "../api/contract/views.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { CoreBus, CoreEvents } from "../events/core.ts";
import { iso } from "./views.ts";

const KEPT = 100;
const MAX_MESSAGE = 1000;
/** Each one is a matter of its own, even with the code of another. */
const SEPARATE = new Set(["emergency"]);

export interface AlertDeps {
  readonly bus: CoreBus;
  now(): number;
  /** A short, unpredictable id, so that one of an earlier run is never taken for a present one. */
  newId(): string;
  audit(event: string, detail: string): void;
}

/**
 * Problems that need the operator, newest first, at most 100. One that is raised again counts up until it is acknowledged; it
 * leaves the list when its cause is over, and makes room when there are too many, acknowledged and oldest ones first.
 */
export class Alerts implements AlertControl {
  #alerts: AlertView[] = [];
  readonly #raised = new Map<string, number>();
  #dropped = 0;

  constructor(private readonly deps: AlertDeps) {
    const { bus } = deps;
    bus.on("alert", (event) => this.#raise(event));
    bus.on("alert_cleared", (over) => this.#clear((alert) => isAbout(alert, over)));
    bus.on("plugin_started", ({ plugin }) => this.#clear((alert) => alert.plugin === plugin));
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
    this.deps.audit("alert_acknowledged", `${found.code}: ${found.message.slice(0, 200)} (${by(actor)})`);
    return ok(acknowledged);
  }

  #raise({ code, message, plugin, link, quiet }: CoreEvents["alert"]): void {
    this.#raised.set(code, (this.#raised.get(code) ?? 0) + 1);
    const text = message.slice(0, MAX_MESSAGE);
    const isSame = (alert: AlertView) =>
      alert.code === code && alert.plugin === plugin && alert.link === link && (!SEPARATE.has(code) || alert.message === text);
    const open = this.#alerts.find((alert) => isSame(alert) && alert.acknowledged_at === null);
    const about = { ...(plugin === undefined ? {} : { plugin }), ...(link === undefined ? {} : { link }) };
    const fresh = { id: this.deps.newId(), time: iso(this.deps.now()), code, ...about, times: 1, acknowledged_at: null };
    const alert = open === undefined ? { ...fresh, message: text } : { ...open, message: text, times: open.times + 1 };
    // What was acknowledged and happens again is told again.
    this.#alerts = [alert, ...this.#alerts.filter((other) => !isSame(other))];
    if (this.#alerts.length > KEPT) this.#makeRoom();
    if (open === undefined) this.#changed("raised", alert, quiet);
  }

  #makeRoom(): void {
    const read = this.#alerts.findLast((alert) => alert.acknowledged_at !== null);
    const gone = read ?? this.#alerts.at(-1);
    if (read === undefined) this.#dropped += 1;
    this.#alerts = this.#alerts.filter((alert) => alert !== gone);
  }

  #clear(isOver: (alert: AlertView) => boolean): void {
    const over = this.#alerts.filter(isOver);
    this.#alerts = this.#alerts.filter((alert) => !isOver(alert));
    for (const alert of over) this.#changed("cleared", alert);
  }

  #changed(change: "raised" | "cleared", { id, code, message, plugin, link }: AlertView, quiet?: true): void {
    this.deps.bus.emit("alert_changed", {
      change,
      id,
      time: iso(this.deps.now()),
      code,
      message,
      ...(plugin === undefined ? {} : { plugin }),
      ...(link === undefined ? {} : { link }),
      ...(quiet === undefined ? {} : { quiet }),
    });
  }
}

function isAbout(alert: AlertView, { code, plugin, link }: CoreEvents["alert_cleared"]): boolean {
  const isPlugin = plugin === undefined || alert.plugin === (plugin ?? undefined);
  return alert.code === code && isPlugin && (link === undefined || alert.link === link);
}
