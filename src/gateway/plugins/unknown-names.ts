import type { Config } from "../../config/schema.ts";
import { nearest } from "../../nearest.ts";

/** One line for each name in the configuration that no plugin has: it would have no effect, without a word. */
export function unknownNames(settings: Config["plugins"], known: ReadonlySet<string>): string[] {
  const named: Readonly<Record<string, readonly string[]>> = {
    enabled_plugins: settings.enabled_plugins ?? [],
    disabled_plugins: settings.disabled_plugins,
    config: Object.keys(settings.config),
    permissions: Object.keys(settings.permissions),
    "isolation.own_host": settings.isolation.own_host,
  };
  return Object.entries(named).flatMap(([key, names]) =>
    [...new Set(names)]
      .filter((name) => !known.has(name))
      .map((name) => {
        const near = nearest(name, [...known]);
        const hint = near === null ? "zephyrgate plugin list shows all; further folders belong in plugins.paths" : `did you mean ${near}?`;
        return `plugins.${key}: there is no plugin ${name} (${hint})`;
      }),
  );
}
