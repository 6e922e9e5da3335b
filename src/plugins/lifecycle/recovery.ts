import type { GoneReason } from "../../bridge/realm-spec.ts";
import type { Timer } from "../../clock.ts";
import type { Result } from "../../errors.ts";
import { inBackground } from "../../log/background.ts";
import type { HostExit, PluginHost } from "../../sandbox/port.ts";
import type { Bundle } from "../plugin/bundle.ts";
import type { HostKey } from "../plugin/candidate.ts";
import type { FailureSource, HealthAction } from "../plugin/health.ts";
import type { Instance } from "../plugin/instance.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { RecoveryDeps } from "./deps.ts";
import type { Loads } from "./loads.ts";

/** What happens when something of a plugin breaks: counting, restarts with backoff, and the threshold. */
export class Recovery {
  readonly #timers = new Map<string, Timer>();
  /** Plugins that were running when their host ended, by the shared page: each gets a process of its own. */
  readonly #suspects = new Set<string>();
  #stopped = false;

  constructor(
    private readonly deps: RecoveryDeps,
    private readonly plugins: () => Iterable<Plugin>,
    private readonly loads: Pick<Loads, "clear">,
    /** Brings a plugin up; see {@link Starting.again}. */
    private readonly again: (plugin: Plugin, code: Bundle | null) => Promise<Result<null>>,
  ) {}

  isSuspect(name: string): boolean {
    return this.#suspects.has(name);
  }

  suspect(plugin: Plugin): void {
    this.#suspects.add(plugin.name);
  }

  failed(plugin: Plugin, source: FailureSource, message: string): void {
    if (plugin.state !== "running") return;
    if (this.deps.isDiskWritable?.() === false) {
      this.deps.log.debug(`not counted, because nothing can be stored: ${message}`, { plugin: plugin.name });
      return;
    }
    plugin.metrics.failures += 1;
    this.#apply(plugin, plugin.health.failed(source, message), message);
  }

  /** One realm ended; its host goes on. */
  gone(plugin: Plugin, instance: Instance, reason: GoneReason, detail: string): void {
    if (plugin.instance !== instance || reason === "closed" || reason === "host") return;
    // Where the plugin is being stopped or replaced, that operation sees the end itself.
    if (plugin.state !== "running") return;
    plugin.metrics.failures += 1;
    const message = `its realm ended: ${reason}: ${detail}`;
    this.#apply(plugin, plugin.health.died("realm", message), message);
  }

  /** Whether one running plugin is known to be the cause of a host's end. */
  hasCulprit(host: PluginHost, exit: HostExit): boolean {
    if (exit.reason === "stopped" || exit.culprit === null) return false;
    for (const { instance, state } of this.plugins())
      if (state === "running" && instance?.host === host && instance.realm?.number === exit.culprit) return true;
    return false;
  }

  /** A host process ended: the plugin that was running is restarted in a host of its own, the others come back at once. */
  hostExited(key: HostKey, host: PluginHost, exit: HostExit): void {
    const culprit = exit.reason === "stopped" ? null : exit.culprit;
    this.deps.log.debug(`plugin host ${key} ended`, { pid: host.pid, reason: exit.reason });
    for (const plugin of this.plugins()) {
      const realm = plugin.instance?.realm;
      if (plugin.instance?.host !== host || realm === null || realm === undefined) continue;
      if (plugin.state !== "running") continue;
      if (realm.number === culprit) this.#blame(plugin, exit);
      else this.#bringBack(plugin);
    }
  }

  cancel(plugin: Plugin): void {
    this.#timers.get(plugin.name)?.cancel();
    this.#timers.delete(plugin.name);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #blame(plugin: Plugin, exit: HostExit): void {
    const message = `it was running when the plugin host was ended: ${exit.reason}: ${exit.detail}`;
    this.#suspects.add(plugin.name);
    this.deps.audit(plugin.name, "strike", message);
    plugin.metrics.failures += 1;
    this.#apply(plugin, plugin.health.died("strike", message), message);
  }

  #bringBack(plugin: Plugin): void {
    plugin.returning("its host was ended for another plugin's fault");
    const back = plugin.exclusive(async () => {
      if (this.#stopped || plugin.state !== "loading") return;
      // With the code that ran: that is faster, and a change on the disk is not picked up by accident.
      await this.#tryAgain(plugin, plugin.bundle);
    });
    this.#inBackground("bringing it back", back, plugin);
  }

  #apply(plugin: Plugin, verdict: HealthAction, message: string): void {
    if (this.#stopped || verdict.action === "none") return;
    if (verdict.action === "disable") {
      this.#disable(plugin, message);
      return;
    }
    const delay = verdict.delayMs / 1000;
    plugin.backingOff(`${message}; starts again in ${delay} s`);
    this.#note(plugin, "warn", "plugin_restarting", `${plugin.name} is restarted in ${delay} s: ${message}`);
    this.#close(plugin, plugin.instance);
    this.cancel(plugin);
    this.#timers.set(
      plugin.name,
      this.deps.clock.after(verdict.delayMs, () =>
        this.#inBackground(
          "its restart",
          plugin.exclusive(() => this.#afterPause(plugin)),
          plugin,
        ),
      ),
    );
  }

  async #afterPause(plugin: Plugin): Promise<void> {
    if (!this.#stopped && plugin.state === "backing_off") await this.#tryAgain(plugin, null);
  }

  /** A plugin that ran before is tried again, with growing pauses, until the threshold. */
  async #tryAgain(plugin: Plugin, code: Bundle | null): Promise<void> {
    const up = await this.again(plugin, code);
    if (up.ok) return;
    if (this.#stopped) plugin.failed(up.error.summary());
    else this.#apply(plugin, plugin.health.died("lifecycle", up.error.summary()), up.error.summary());
  }

  #disable(plugin: Plugin, message: string): void {
    const { max_failures, max_restarts } = this.deps.healthLimits();
    const what = `disabled after ${max_restarts} restarts (${max_failures} failures each at most)`;
    const reason = `${what}: ${message}`;
    const dying = plugin.instance;
    this.loads.clear(plugin);
    this.#close(plugin, dying);
    if (plugin.state === "running") plugin.stopping(reason);
    plugin.disabled(reason, "threshold");
    this.#note(plugin, "error", "plugin_disabled", `${plugin.name} was ${reason}`);
    // An alert is sent on the air: it holds no words of the plugin, which may not be allowed to send any.
    const alert = `${plugin.name} was ${what}; plugin list has the reason`;
    this.deps.bus.emit("alert", { code: "plugin_disabled", message: alert, plugin: plugin.name });
  }

  /** At once; the next operation on the plugin waits for the end. */
  #close(plugin: Plugin, dying: Instance | null): void {
    const closed = dying?.close();
    if (closed === undefined) return;
    this.#inBackground(
      "closing its realm",
      plugin.exclusive(() => closed),
      plugin,
    );
  }

  #inBackground(what: string, work: Promise<unknown> | undefined, plugin: Plugin): void {
    inBackground(this.deps.log, what, work, { plugin: plugin.name });
  }

  #note(plugin: Plugin, level: "error" | "warn", code: string, message: string): void {
    this.deps.log[level](message, { plugin: plugin.name });
    this.deps.audit(plugin.name, code, message);
  }
}
