/** The sdk as a package inside the plugin's folder, so that editing and testing need no registry. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { IS_COMPILED } from "../../compiled.ts";
import { manifestJsonSchema } from "../../manifest/document.ts";
import { VERSION } from "../../version.ts";
import { makeSdk, type SdkFiles } from "./make.ts";

/** Folder of the package inside the plugin's. */
export const LOCAL_SDK = ".zephyrgate";
let made: SdkFiles | null = null;

/** Writes the package into the plugin's folder, over an older one, and links it so that nothing has to be installed. Throws what the file system does. */
export function writeLocalSdk(folder: string): void {
  made ??= IS_COMPILED ? unpack() : makeSdk();
  const home = join(folder, LOCAL_SDK);
  rmSync(home, { recursive: true, force: true });
  const own = { "package.json": description(), "manifest.schema.json": `${JSON.stringify(manifestJsonSchema(), null, 2)}\n` };
  for (const [path, text] of Object.entries({ ...own, ...made })) {
    mkdirSync(dirname(join(home, path)), { recursive: true, mode: 0o755 });
    writeFileSync(join(home, path), path.endsWith(".wasm") ? Buffer.from(text, "base64") : text, { mode: 0o644 });
  }
  const link = join(folder, "node_modules/zephyrgate");
  mkdirSync(dirname(link), { recursive: true, mode: 0o755 });
  rmSync(link, { recursive: true, force: true });
  symlinkSync(join("..", LOCAL_SDK), link);
}

/**
 * Brings the package of a plugin's folder up to this program's version, or writes it where package.json wants it and it is not
 * there. Answers with one line about it; null where nothing had to be done.
 */
export function refreshLocalSdk(folder: string): string | null {
  const home = join(folder, LOCAL_SDK);
  const before = existsSync(home) ? versionIn(join(home, "package.json")) : null;
  if (before === null && !wantsLocalSdk(folder)) return null;
  const isLinked = existsSync(join(folder, "node_modules/zephyrgate/package.json"));
  if (before === VERSION && isLinked) return null;
  writeLocalSdk(folder);
  if (before === null) return `${LOCAL_SDK}: types and testing kit of zephyrgate ${VERSION} were written`;
  return before === VERSION ? null : `${LOCAL_SDK}: types and testing kit are now those of zephyrgate ${VERSION}, before ${before}`;
}

/** `package.json` depends on the local package, which a clone may lack. */
function wantsLocalSdk(folder: string): boolean {
  const file = join(folder, "package.json");
  const text = statSync(file, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(file, "utf8") : "";
  return new RegExp(`"zephyrgate"\\s*:\\s*"file:(?:\\./)?\\${LOCAL_SDK}/?"`).test(text);
}

function versionIn(file: string): string {
  const text = statSync(file, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(file, "utf8") : "";
  return /"version":\s*"([^"\n]{1,64})"/.exec(text)?.[1] ?? "none";
}

function unpack(): SdkFiles {
  const { PACKED_SDK } = require("./embedded.ts") as typeof import("./embedded.ts");
  return JSON.parse(gunzipSync(Buffer.from(PACKED_SDK, "base64")).toString("utf8")) as SdkFiles;
}

function description(): string {
  const entry = (name: string, file: string) => ({ types: `./types/src/${name}/index.d.ts`, default: `./${file}` });
  const exports = { ".": entry("sdk", "sdk.js"), "./testing": entry("testing", "testing.js") };
  return `${JSON.stringify({ name: "zephyrgate", version: VERSION, type: "module", license: "GPL-3.0-or-later", exports }, null, 2)}\n`;
}
