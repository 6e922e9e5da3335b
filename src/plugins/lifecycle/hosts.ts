import { type Clock, sleep } from "../../clock.ts";
import { fail, type Result } from "../../errors.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import type { HostExit, HostExitReason, PluginHost } from "../../sandbox/port.ts";
import type { HostKey } from "../plugin/candidate.ts";

export interface HostsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Starts a jailed process that may write the given plugins' databases: all of them, or one plugin's. */
  spawn(key: HostKey): Promise<Result<PluginHost>>;
  /** Whether one plugin is known to be the cause. It gets a process of its own, so the next death will not be its fault. */
  hasCulprit(host: PluginHost, exit: HostExit): boolean;
  onExit(key: HostKey, host: PluginHost, exit: HostExit): void;
}

interface Slot {
  starting: Promise<Result<PluginHost>> | null;
  host: PluginHost | null;
  /** Deaths in a row, each within QUIET_MS of its start: they are spaced out. */
  crashes: number;
  startedAt: number;
  /** No plugin needs it any more: if it is still starting, it ends at once. */
  released: boolean;
}

const QUIET_MS = 30_000;
const BACKOFF_MS = 250;
const BACKOFF_MAX_MS = 30_000;

/** The host processes: started on first use, started again after a death (spaced out when they die young), stopped together. */
export class Hosts {
  readonly #slots = new Map<HostKey, Slot>();
  readonly #ending = new Set<Promise<void>>();
  /** How often a host ended without being told to, by reason. */
  readonly exits = new Map<HostExitReason, number>();
  #stopped = false;
  readonly #abort = new AbortController();

  constructor(private readonly deps: HostsDeps) {}

  /** The running host, or a new one. Concurrent callers share one start. */
  get(key: HostKey): Promise<Result<PluginHost>> {
    if (this.#stopped) return Promise.resolve(fail("host_gone", "the gateway is stopping"));
    const slot = this.#slots.get(key) ?? { starting: null, host: null, crashes: 0, startedAt: 0, released: false };
    this.#slots.set(key, slot);
    if (slot.host !== null) return Promise.resolve({ ok: true, value: slot.host });
    slot.starting ??= this.#start(key, slot).finally(() => {
      slot.starting = null;
    });
    return slot.starting;
  }

  running(): { key: HostKey; host: PluginHost }[] {
    return [...this.#slots].flatMap(([key, slot]) => (slot.host === null ? [] : [{ key, host: slot.host }]));
  }

  /** Ends a host that has no plugin left, also one that is only being started. */
  async release(key: HostKey): Promise<void> {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    slot.released = true;
    const ending = this.#endSlot(slot);
    this.#ending.add(ending);
    await ending.finally(() => this.#ending.delete(ending));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#abort.abort();
    await Promise.all([...[...this.#slots.values()].map((slot) => this.#endSlot(slot)), ...this.#ending]);
    this.#slots.clear();
  }

  async #endSlot(slot: Slot): Promise<void> {
    await slot.starting;
    await slot.host?.stop();
  }

  async #start(key: HostKey, slot: Slot): Promise<Result<PluginHost>> {
    if (slot.crashes > 1) {
      const delay = Math.min(BACKOFF_MS * 2 ** (slot.crashes - 2), BACKOFF_MAX_MS);
      this.deps.log.warn(`plugin host ${key} died ${slot.crashes} times in a row; starting it again in ${delay / 1000} s`);
      await sleep(this.deps.clock, delay, this.#abort.signal);
    }
    if (this.#stopped || slot.released)
      return fail("host_gone", this.#stopped ? "the gateway is stopping" : "nobody needs this host any more");
    const spawned = await this.deps.spawn(key);
    if (!spawned.ok) {
      slot.crashes += 1;
      return spawned;
    }
    const host = spawned.value;
    slot.host = host;
    slot.startedAt = this.deps.clock.monotonic();
    const exited = host.exited.then((exit) => this.#exited(key, slot, host, exit));
    inBackground(this.deps.log, `noting the end of plugin host ${key}`, exited);
    return spawned;
  }

  #exited(key: HostKey, slot: Slot, host: PluginHost, exit: HostExit): void {
    if (slot.host === host) slot.host = null;
    const young = this.deps.clock.monotonic() - slot.startedAt < QUIET_MS;
    // In the shared host the others are innocent: they do not wait longer for each plugin that was found out.
    const settled = key === "shared" && this.deps.hasCulprit(host, exit);
    if (exit.reason !== "stopped") this.exits.set(exit.reason, (this.exits.get(exit.reason) ?? 0) + 1);
    if (exit.reason === "stopped") slot.crashes = 0;
    else if (!settled) slot.crashes = young ? slot.crashes + 1 : 1;
    if (!this.#stopped) this.deps.onExit(key, host, exit);
  }
}
