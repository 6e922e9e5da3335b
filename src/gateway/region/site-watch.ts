/** Alerts about the region: a site that was not heard for long, a broker that is not reached, and what is wrong with it. */
import type { Clock, Timer } from "../../clock.ts";
import type { CoreBus } from "../../events/core.ts";
import type { Subscription } from "../../lifetime.ts";
import type { OwnSite } from "../../region/session/own-site.ts";

import type { GatewayContext } from "../context/context.ts";
import type { GatewayRegion } from "./region.ts";

const LOOK_MS = 15_000;

export interface SiteWatchDeps {
  readonly clock: Clock;
  readonly bus: CoreBus;
  readonly site: OwnSite;
  /** Seconds without a site, or without the broker, after which an alert is raised; 0: never. */
  downAfterS(): number;
}

export class SiteWatch {
  /** By site or broker, since when (monotonic, ms) it is away. */
  readonly #away = new Map<string, number>();
  readonly #raised = new Set<string>();
  #subscription: Subscription | null = null;
  #timer: Timer | null = null;

  constructor(private readonly deps: SiteWatchDeps) {}

  start(): void {
    this.#subscription = this.deps.site.onChange(() => this.#look());
    this.#again();
  }

  stop(): void {
    this.#subscription?.dispose();
    this.#timer?.cancel();
  }

  #again(): void {
    this.#look();
    this.#timer = this.deps.clock.after(LOOK_MS, () => this.#again());
  }

  #look(): void {
    const { site } = this.deps;
    const isIn = site.state === "waiting" || site.state === "enrolled";
    const isConnected = site.connected();
    this.#judge("broker", isIn && !isConnected, {
      code: "region_broker_down",
      message: (span) => `no connection to the region's broker for ${span}`,
    });
    for (const { id, name, state, online } of site.sites()) {
      if (state === "self") continue;
      // While the broker is away nobody is heard, and the sites are not to blame.
      if (isIn && !isConnected) this.#away.delete(id);
      else {
        const message = (span: string) => `site ${name} of the region was not heard for ${span}`;
        this.#judge(id, isIn && state === "enrolled" && !online, { code: "site_down", link: name, message });
      }
    }
    const [trouble] = site.region?.context.troubles.list() ?? [];
    this.#set("trouble", trouble !== undefined, { code: "region_trouble", message: trouble ?? "" });
    this.#set("revoked", site.state === "revoked", { code: "region_revoked", message: "this site was revoked from its region" });
  }

  #judge(key: string, isAway: boolean, alert: { code: string; link?: string; message: (span: string) => string }): void {
    const seconds = this.deps.downAfterS();
    const now = this.deps.clock.monotonic();
    if (!isAway) this.#away.delete(key);
    const since = this.#away.get(key) ?? now;
    if (isAway) this.#away.set(key, since);
    const isLong = isAway && seconds > 0 && now - since >= seconds * 1000;
    const { message, ...rest } = alert;
    if (isLong || !isAway) this.#set(key, isLong, { ...rest, message: message(duration(seconds)) });
  }

  #set(key: string, isOn: boolean, { code, link, message }: { code: string; link?: string; message: string }): void {
    if (isOn === this.#raised.has(key)) return;
    const about = { code, ...(link === undefined ? {} : { link }) };
    if (isOn) {
      this.#raised.add(key);
      // Seen at the gateway and by the webhook: it is not worth airtime.
      this.deps.bus.emit("alert", { ...about, message, quiet: true });
    } else {
      this.#raised.delete(key);
      this.deps.bus.emit("alert_cleared", about);
    }
  }
}

/** Once everything has started: what is still starting is no alert. */
export function watchRegion({ clock, bus, life, config }: GatewayContext, region: GatewayRegion | null): void {
  if (region === null) return;
  const { site, problem } = region;
  if (site === null) {
    bus.emit("alert", { code: "region_trouble", message: `this gateway works alone: ${problem ?? "unknown"}`, quiet: true });
    return;
  }
  const watch = new SiteWatch({ clock, bus, site, downAfterS: () => config().alerts.link_down_s });
  // Others should see soon what changed here.
  const changes = [bus.on("link_state", () => site.region?.reportChanged()), bus.on("alert_changed", () => site.region?.reportChanged())];
  watch.start();
  life.add("watch over the region", () => {
    watch.stop();
    for (const change of changes) change.dispose();
  });
}

function duration(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
