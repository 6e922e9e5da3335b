/**
 * The sdk as ES modules for the engine. As a macro it runs when this program is compiled, so that the binary carries the
 * text (see sdk-embedded.ts). Bun.build cannot run inside a macro, and need not: the engine links modules.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Dependencies first: each is evaluated when all it imports have been. */
const ORDER = [
  "realm/primordials.ts",
  "boundary/errors.ts",
  "boundary/ops.ts",
  "boundary/operations.ts",
  "boundary/topics.ts",
  "realm/link.ts",
  "realm/encoding.ts",
  "realm/clone.ts",
  "realm/timers.ts",
  "realm/abort.ts",
  "realm/console.ts",
  "realm/subtle.ts",
  "realm/random.ts",
  "realm/url.ts",
  "http.ts",
  "permissions.ts",
  "registry.ts",
  "database.ts",
  "region.ts",
  "plugin-hooks.ts",
  "plugin-registrations.ts",
  "plugin.ts",
  "define-plugin.ts",
  "handler-run.ts",
  "texts.ts",
  "written.ts",
  "index.ts",
  "prelude.ts",
] as const;

/** What plugins import: only what index.ts exports, under the package's name. */
const ALIAS = 'export * from "sdk/index.ts";';

export function sdkSource(): [name: string, code: string][] {
  const transpiler = new Bun.Transpiler({ loader: "ts", target: "browser", minifyWhitespace: true });
  const folder = join(import.meta.dir, "../../sdk");
  const modules: [string, string][] = ORDER.map((file) => [
    `sdk/${file}`,
    transpiler.transformSync(readFileSync(join(folder, file), "utf8")),
  ]);
  return [...modules, ["zephyrgate", ALIAS]];
}
