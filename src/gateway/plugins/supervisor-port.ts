import type { HostKey } from "../../plugins/plugin/candidate.ts";
import type { FailureSource } from "../../plugins/plugin/health.ts";
import type { Plugin } from "../../plugins/plugin/plugin.ts";
import type { Supervisor } from "../../plugins/supervisor.ts";
import type { HostExit, PluginHost } from "../../sandbox/port.ts";

/**
 * The supervisor as seen by the pieces that it is built from. Before {@link connect} no plugin is known, so nothing can
 * be found and no failure can be reported.
 */
export class SupervisorPort {
  #supervisor: Supervisor | null = null;

  /** Called once, when every piece exists. */
  connect(supervisor: Supervisor): void {
    this.#supervisor = supervisor;
  }

  readonly get = (name: string): Plugin | null => this.#supervisor?.get(name) ?? null;

  readonly list = (): readonly Plugin[] => this.#supervisor?.list() ?? [];

  readonly failed = (plugin: Plugin, source: FailureSource, message: string): void =>
    this.#supervisor?.recovery.failed(plugin, source, message);

  readonly hasCulprit = (host: PluginHost, exit: HostExit): boolean => this.#supervisor?.recovery.hasCulprit(host, exit) ?? false;
  readonly hostExited = (key: HostKey, host: PluginHost, exit: HostExit): void => this.#supervisor?.recovery.hostExited(key, host, exit);
}
