import type { Clock, Timer } from "../../clock.ts";
import type { CoreBus } from "../../events/core.ts";
import type { Subscription } from "../../lifetime.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import { folderStamp } from "../../plugins/discovery/folder-stamp.ts";
import type { Supervisor } from "../../plugins/supervisor.ts";

const LOOK_MS = 3_000;

export interface FailedFilesDeps {
  readonly clock: Clock;
  readonly bus: CoreBus;
  readonly log: Logger;
  readonly supervisor: Pick<Supervisor, "list" | "reload">;
}

interface Seen {
  /** At the failure. */
  readonly failed: string;
  /** At the last look: a change counts once it has come to rest. */
  readonly last: string;
}

/** Tries a failed plugin again when its files have changed. While none has failed, nothing is looked at. */
export class FailedFiles {
  readonly #seen = new Map<string, Seen>();
  readonly #subscription: Subscription;
  readonly #retrying = new Set<string>();
  #timer: Timer | null = null;

  constructor(private readonly deps: FailedFilesDeps) {
    this.#subscription = deps.bus.on("plugin_failed", ({ plugin }) => this.#failed(plugin));
  }

  stop(): void {
    this.#subscription.dispose();
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** What it failed with is what its folder holds now; in a retry it is what made us try. */
  #failed(name: string): void {
    const candidate = this.deps.supervisor.list().find((plugin) => plugin.name === name)?.candidate;
    if (candidate === undefined || candidate.bundled) return;
    const stamp = folderStamp(candidate.path);
    if (!this.#retrying.has(name)) this.#seen.set(name, { failed: stamp, last: stamp });
    this.#arm();
  }

  #arm(): void {
    this.#timer ??= this.deps.clock.after(LOOK_MS, () => {
      this.#timer = null;
      this.#look();
    });
  }

  #look(): void {
    const failed = this.deps.supervisor.list().filter(({ state, candidate }) => state === "failed" && !candidate.bundled);
    for (const name of this.#seen.keys()) if (!failed.some((plugin) => plugin.name === name)) this.#seen.delete(name);
    for (const { name, candidate } of failed) {
      const stamp = folderStamp(candidate.path);
      const seen = this.#seen.get(name) ?? { failed: stamp, last: stamp };
      const isAtRest = stamp === seen.last && stamp !== seen.failed;
      this.#seen.set(name, { failed: isAtRest ? stamp : seen.failed, last: stamp });
      if (isAtRest) inBackground(this.deps.log, "trying a failed plugin again", this.#retry(name), { plugin: name });
    }
    if (failed.length > 0) this.#arm();
  }

  async #retry(name: string): Promise<void> {
    const { log, supervisor } = this.deps;
    log.info("its files changed: it is tried again", { plugin: name });
    this.#retrying.add(name);
    const reloaded = await supervisor.reload(name).finally(() => this.#retrying.delete(name));
    if (!reloaded.ok) log.warn(`it still does not start: ${reloaded.error.summary()}`, { plugin: name });
    this.#arm();
  }
}
