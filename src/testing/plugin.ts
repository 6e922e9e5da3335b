import type { Actor, Control, PluginControl } from "../api/contract/control.ts";
import type { Result } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Plugin } from "../plugins/plugin/plugin.ts";
import type { PluginState } from "../plugins/plugin/states.ts";
import type { PermissionEntry } from "../sdk/types/services.ts";
import type { Stored } from "./world/stored.ts";

export interface PluginDeps {
  readonly stored: Stored;
  control(): Control;
  known(): Plugin | undefined;
  /** Runs an operation of the gateway, and moves the clock on for as long as the operation needs. */
  drive<T>(work: Promise<T>): Promise<T>;
}

const ACTOR: Actor = { via: "api", address: "test" };

/** A plugin under test, with what its operator can see and do. Throws when the gateway refuses an operation. */
export class TestPlugin {
  constructor(
    readonly name: string,
    private readonly deps: PluginDeps,
  ) {}

  get state(): PluginState {
    return this.deps.known()?.state ?? "discovered";
  }

  /** Why it is in this state, in one line. */
  get reason(): string {
    return this.deps.known()?.status.reason ?? "";
  }

  /** What the plugin has registered, by kind: commands, keywords and so on. */
  get registered(): readonly { readonly kind: string; readonly name: string }[] {
    const entries = [...(this.deps.known()?.instance?.registrations.entries() ?? [])];
    return entries.map(({ registration, key }) => {
      const { kind } = registration;
      if (kind === "command" || kind === "task") return { kind, name: registration.name };
      if (kind === "keyword") return { kind, name: registration.pattern };
      if (kind === "menu") return { kind, name: `${registration.menu}: ${registration.label}` };
      return { kind, name: kind === "event" ? registration.type : key };
    });
  }

  /** The value that storeData keeps under a key; undefined when there is none or it has expired. */
  stored(key: string): Promise<Json | undefined> {
    return this.deps.stored.get(key);
  }

  storedKeys(prefix = ""): Promise<string[]> {
    return this.deps.stored.keys(prefix);
  }

  /**
   * Rows of the plugin's own tables.
   * @example expect(await gateway.plugin.rows("SELECT * FROM visits")).toHaveLength(1);
   */
  rows(...query: Parameters<Stored["rows"]>): ReturnType<Stored["rows"]> {
    return this.deps.stored.rows(...query);
  }

  /**
   * Sends the plugin a message as the operator does by `zephyrgate plugin ask`, and gives its answer. Throws when it has none.
   * @example expect(await gateway.plugin.ask("export", { from: 1 })).toEqual({ text: "", next: null });
   */
  async ask(type: string, data: Json = null): Promise<Json> {
    const asked = await this.deps.drive(Promise.resolve(this.deps.control().plugins.ask(this.name, type, data, ACTOR)));
    if (!asked.ok) throw asked.error;
    return asked.value;
  }

  /** Grants a permission that the plugin requested. Takes effect at once. */
  async grant(permission: PermissionEntry): Promise<void> {
    await this.#do((plugins) => plugins.grant(this.name, permission as Json, ACTOR));
  }

  /** Revokes the named permission, or all of them. Takes effect at once. */
  async revoke(permission?: PermissionEntry): Promise<void> {
    await this.#do((plugins) => plugins.revoke(this.name, permission as Json | undefined, ACTOR));
  }

  /** Denies a permission for good: a denial wins over every grant. */
  async deny(permission: PermissionEntry): Promise<void> {
    await this.#do((plugins) => plugins.deny(this.name, permission as Json, ACTOR));
  }

  /** Replaces the operator's values and calls the plugin's onConfigChanged. Throws one error with all violations of its schema. */
  async configure(config: { readonly [key: string]: Json }): Promise<void> {
    await this.#do((plugins) => plugins.setConfig(this.name, config, ACTOR));
  }

  async setSecret(name: string, value: string): Promise<void> {
    await this.#do((plugins) => plugins.setSecret(this.name, name, value, ACTOR));
  }

  async enable(): Promise<void> {
    await this.#do((plugins) => plugins.enable(this.name, undefined, ACTOR));
  }

  async disable(): Promise<void> {
    await this.#do((plugins) => plugins.disable(this.name, ACTOR));
  }

  async restart(): Promise<void> {
    await this.#do((plugins) => plugins.restart(this.name, ACTOR));
  }

  /** Loads the plugin's files again. */
  async reload(): Promise<void> {
    await this.#do((plugins) => plugins.reload(this.name, ACTOR));
  }

  async #do(operation: (plugins: PluginControl) => Result<unknown> | Promise<Result<unknown>>): Promise<void> {
    const done = await this.deps.drive(Promise.resolve(operation(this.deps.control().plugins)));
    if (!done.ok) throw done.error;
  }
}
