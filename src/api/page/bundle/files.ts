import { IS_COMPILED } from "../../../compiled.ts";
import { type ConsoleFiles, makeConsole } from "./make.ts";

export type { ConsoleFiles } from "./make.ts";

let made: Promise<ConsoleFiles> | null = null;

/** The console's files: out of the binary, or bundled at the first call. */
export function consoleFiles(): Promise<ConsoleFiles> {
  made ??= IS_COMPILED ? unpack() : makeConsole();
  return made;
}

async function unpack(): Promise<ConsoleFiles> {
  const { PACKED_CONSOLE } = await import("./embedded.ts");
  return JSON.parse(Buffer.from(Bun.gunzipSync(Buffer.from(PACKED_CONSOLE, "base64"))).toString());
}
