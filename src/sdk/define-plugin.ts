/** A plugin without a class. */

import { Plugin } from "./plugin.ts";
import type { MaybePromise } from "./types/handlers.ts";

/**
 * A plugin as a function, for those who prefer it to a class; `setup` is its initialize().
 * @example export default definePlugin((plugin) => { plugin.registerCommand("ping", () => "pong"); });
 */
export function definePlugin<C extends object = object>(setup: (plugin: Plugin<C>) => MaybePromise<unknown>): typeof Plugin<C> {
  return class extends Plugin<C> {
    override initialize() {
      return setup(this);
    }
  };
}
