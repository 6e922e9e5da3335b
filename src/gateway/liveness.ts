/** Whether the parts that nothing else watches still move: the plugin hosts answer, and every link is being taken care of. */
import { type Clock, sleep } from "../clock.ts";
import type { PluginHost } from "../sandbox/port.ts";

/** The sandbox ends a host that is silent for a minute; one that is silent for longer has lost its watchdog. */
const HOST_SILENT_MS = 120_000;
/** A busy board answers later; the next look asks again. */
const ANSWER_MS = 10_000;

export interface LivenessDeps {
  readonly clock: Clock;
  hosts(): readonly { readonly key: string; readonly host: Pick<PluginHost, "validateConfig"> }[];
  links(): readonly { readonly name: string; readonly isAttended: boolean }[];
}

export class Liveness {
  /** Monotonic time of each host's last answer; of one without an answer, when it was first seen. */
  readonly #answeredAt = new WeakMap<object, number>();

  constructor(private readonly deps: LivenessDeps) {}

  /** Null, or what is stuck. Takes at most some seconds. */
  async check(): Promise<string | null> {
    const { clock, hosts, links } = this.deps;
    const lost = links().find(({ isAttended }) => !isAttended);
    if (lost !== undefined) return `link ${lost.name} is down and nothing tries to open it`;
    const all = hosts();
    for (const { host } of all) if (!this.#answeredAt.has(host)) this.#answeredAt.set(host, clock.monotonic());
    await Promise.all(all.map(({ host }) => this.#ask(host)));
    const silent = all.find(({ host }) => clock.monotonic() - (this.#answeredAt.get(host) ?? 0) >= HOST_SILENT_MS);
    return silent === undefined ? null : `plugin host ${silent.key} gives no answer and was not ended`;
  }

  /** An empty schema goes the whole way: over the bridge, through the host's main loop, and back. What is refused here was refused for want of an answer. */
  async #ask(host: Pick<PluginHost, "validateConfig">): Promise<void> {
    const { clock } = this.deps;
    const patience = new AbortController();
    const asked = host.validateConfig({}, {}).then((answer) => {
      if (answer.ok) this.#answeredAt.set(host, clock.monotonic());
    });
    await Promise.race([asked, sleep(clock, ANSWER_MS, patience.signal)]);
    patience.abort();
  }
}
