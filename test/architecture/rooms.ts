/** The plan of the source tree, as the tests of this folder check it and docs/architecture.md draws it. */
import { join } from "node:path";

export const SRC = join(import.meta.dir, "../../src");

/**
 * The rooms from the ground up: a room is a folder or a file directly under src. A room imports only from rooms of lower
 * floors, and from itself. Rooms of one floor do not know each other.
 */
export const FLOORS: readonly (readonly string[])[] = [
  ["errors", "clock", "compiled", "ids", "json", "lifetime", "version"],
  ["backoff", "bus", "channels", "correlation", "hops", "json-reader", "linux", "nearest", "rates", "sdk"],
  ["log", "texts"],
  ["storage", "bridge", "broker", "systemd"],
  ["permissions"],
  ["config", "host"],
  ["manifest", "python-import"],
  ["mesh", "http", "sandbox", "timekeeping"],
  ["events", "region"],
  ["router", "menu", "schedule", "publish"],
  ["plugins"],
  ["packages"],
  ["backup"],
  ["api"],
  ["control", "console"],
  ["gateway"],
  ["debugger"],
  ["authoring", "testing"],
  ["cli"],
  ["main"],
];

/**
 * The trust wall. What runs in the jailed process reaches only the ground, the wire, the sdk and the grammar of
 * permissions.
 */
export const WALL: readonly { readonly of: string; readonly may: RegExp }[] = [
  { of: "sdk/", may: /^(?:sdk\/|json\.ts$)/ },
  { of: "linux/", may: /^(?:linux\/|errors\.ts$)/ },
  { of: "bridge/", may: /^(?:bridge\/|linux\/|sdk\/boundary\/|(?:clock|errors|ids|json|json-reader|lifetime)\.ts$)/ },
  {
    of: "host/",
    may: /^(?:host\/|bridge\/|linux\/|sdk\/|permissions\/grammar\/|(?:clock|compiled|errors|ids|json|json-reader|lifetime)\.ts$)/,
  },
];

/** What runs in the browser is given types of the API, and the one counter of parts. */
export const MAY_ENTER_BROWSER = /^(?:console\/|mesh\/codec\/text\.ts$)/;

/** Only the process edge, the testing kit and the author's debugger start what runs inside the jail. */
export const MAY_ENTER_HOST = /^(?:host\/|debugger\/|main\.ts$|testing\/in-process-host\.ts$)/;

/** What a file can touch outside the program, and how its source shows it. The words of the table in docs/architecture.md. */
export const POWERS: readonly { readonly power: string; readonly shows: RegExp }[] = [
  { power: "files", shows: /from "(?:node:)?fs(?:\/promises)?"|\bBun\.(?:file|write|Glob)\b|with \{ type: "(?:macro|file)" \};/ },
  { power: "SQLite", shows: /from "(?:bun|node):sqlite"/ },
  { power: "programs", shows: /\bBun\.spawn|from "(?:node:)?child_process"/ },
  {
    power: "network",
    shows:
      /import \{(?! isIP(?:v[46])? \})[^}]*\} from "node:net"|from "node:(?:dns|http|https|tls|dgram)[/"]|import\("mqtt"\)|\bBun\.(?:connect|listen|serve|udpSocket|dns)\b|(?<![.\w#]|function )fetch\(/,
  },
  { power: "system calls", shows: /from "bun:ffi"|from "[./]*linux\/libc\.ts"/ },
];

export const floorOf = (room: string) => FLOORS.findIndex((floor) => floor.includes(room));
export const roomOf = (file: string) => file.split("/")[0]?.replace(/\.ts$/, "") ?? "";

export interface Arrow {
  readonly from: string;
  readonly to: string;
}

/** Every source file of src, by its path below it. */
export async function sources(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const file of [...new Bun.Glob("**/*.{ts,tsx}").scanSync(SRC)].sort()) found.set(file, await Bun.file(join(SRC, file)).text());
  return found;
}

/** The room's main file: its first comment says what the room is for and what it may touch. */
export const HEADS: Readonly<Record<string, string>> = {
  sdk: "sdk/index.ts",
  host: "host/main.ts",
  bridge: "bridge/bridge.ts",
  sandbox: "sandbox/process.ts",
  linux: "linux/libc.ts",
  console: "console/api/call.ts",
};
