import { type Actor, type AlertControl, by } from "../api/contract/control.ts";
import type { AlertView } from "../api/contract/views.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { CoreBus } from "../events/core.ts";
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
    bus.on("alert_cleared", ({ code }) => this.#clear((alert) => alert.code === code));
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

  #raise({ code, message, plugin }: { readonly code: string; readonly message: string; readonly plugin?: string }): void {
    this.#raised.set(code, (this.#raised.get(code) ?? 0) + 1);
    const text = message.slice(0, MAX_MESSAGE);
    const isSame = (alert: AlertView) => alert.code === code && alert.plugin === plugin && (!SEPARATE.has(code) || alert.message === text);
    const open = this.#alerts.find((alert) => isSame(alert) && alert.acknowledged_at === null);
    const time = iso(this.deps.now());
    const alert =
      open === undefined
        ? { id: this.deps.newId(), time, code, ...(plugin === undefined ? {} : { plugin }), message: text, times: 1, acknowledged_at: null }
        : { ...open, message: text, times: open.times + 1 };
    // What was acknowledged and happens again is told again.
    this.#alerts = [alert, ...this.#alerts.filter((other) => !isSame(other))];
    if (this.#alerts.length > KEPT) this.#makeRoom();
  }

  #makeRoom(): void {
    const read = this.#alerts.findLast((alert) => alert.acknowledged_at !== null);
    const gone = read ?? this.#alerts.at(-1);
    if (read === undefined) this.#dropped += 1;
    this.#alerts = this.#alerts.filter((alert) => alert !== gone);
  }

  #clear(isOver: (alert: AlertView) => boolean): void {
    this.#alerts = this.#alerts.filter((alert) => !isOver(alert));
  }
}
