/** The sdk as a package inside the plugin's folder, so that editing and testing need no registry. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
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

function unpack(): SdkFiles {
  const { PACKED_SDK } = require("./embedded.ts") as typeof import("./embedded.ts");
  return JSON.parse(Buffer.from(Bun.gunzipSync(Buffer.from(PACKED_SDK, "base64"))).toString("utf8")) as SdkFiles;
}

function description(): string {
  const entry = (name: string, file: string) => ({ types: `./types/src/${name}/index.d.ts`, default: `./${file}` });
  const exports = { ".": entry("sdk", "sdk.js"), "./testing": entry("testing", "testing.js") };
  return `${JSON.stringify({ name: "zephyrgate", version: VERSION, type: "module", license: "GPL-3.0-or-later", exports }, null, 2)}\n`;
}
