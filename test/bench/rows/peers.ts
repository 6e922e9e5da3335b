/**
 * Other ways to run a stranger's code, measured in the same run: Deno Worker without permissions, Bun Worker, and isolated-vm on
 * Node. They are no part of this program: npm puts them into a cache folder of the user, once.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { row, type Settings, type Tell } from "../row.ts";

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "zephyrgate-bench");
const PACKAGES = { deno: "2.9.6", "isolated-vm": "5.0.4" } as const;
const INSTALL_MS = 240_000;
const RUN_MS = 60_000;
const HOGS = ["array", "wasm"] as const;
const HERE = join(import.meta.dir, "../peers");

interface Found {
  readonly startMs: number;
  readonly memoryMb: number;
  readonly callUs: number;
  /** Null: it is a realm alone, without the gateway that would end its process. */
  readonly hogStopped: boolean | null;
}

interface Peer {
  readonly name: string;
  readonly key: string;
  /** What must be installed first. */
  readonly needs?: keyof typeof PACKAGES;
  readonly command: readonly string[];
}

const PEERS: readonly Peer[] = [
  { name: "a realm of this program", key: "realm", command: [process.execPath, join(HERE, "realm.ts")] },
  {
    name: "Deno Worker, permissions none",
    key: "deno",
    needs: "deno",
    command: [join(CACHE, "node_modules/.bin/deno"), "run", "-A", "--quiet", "--unstable-worker-options", join(HERE, "worker.js")],
  },
  { name: "Bun Worker", key: "bun", command: [process.execPath, join(HERE, "worker.js")] },
  {
    name: "isolated-vm on Node",
    key: "isolate",
    needs: "isolated-vm",
    command: ["node", "--no-node-snapshot", join(HERE, "isolate.mjs"), CACHE],
  },
];

export async function peers({ rounds }: Settings, tell: Tell): Promise<void> {
  for (const peer of PEERS) {
    const missing = peer.needs === undefined ? null : await install(peer.needs);
    const found: Found[] = [];
    let trouble = missing;
    while (trouble === null && found.length < rounds) {
      const one = await measure([...peer.command, HOGS[found.length % HOGS.length] ?? ""]);
      if (typeof one === "string") trouble = one;
      else found.push(one);
    }
    if (trouble === null) tellPeer(peer, found, tell);
    else console.log(`${peer.name}: skipped, ${trouble}`);
  }
}

/** Null when the package is there, else why it is not. */
async function install(name: keyof typeof PACKAGES): Promise<string | null> {
  if (existsSync(join(CACHE, "node_modules", name, "package.json"))) return null;
  mkdirSync(CACHE, { recursive: true });
  if (!existsSync(join(CACHE, "package.json"))) writeFileSync(join(CACHE, "package.json"), '{ "private": true }\n');
  console.log(`${name} is installed into ${CACHE}, once`);
  const command = ["npm", "install", "--no-audit", "--no-fund", `${name}@${PACKAGES[name]}`];
  const run = await output(command, INSTALL_MS, CACHE);
  return run.code === 0 ? null : `npm cannot install ${name}@${PACKAGES[name]} here (exit ${run.code})`;
}

async function measure(command: readonly string[]): Promise<Found | string> {
  const { code, text } = await output(command, RUN_MS, HERE);
  // It kills itself when it is through: an exit would wait for a thread that cannot be stopped.
  if (text === "") return `it ended with ${code}`;
  const found: Found = JSON.parse(text);
  return found;
}

async function output(command: readonly string[], deadlineMs: number, cwd: string): Promise<{ code: number; text: string }> {
  if (Bun.which(command[0] ?? "") === null) return { code: 127, text: "" };
  const child = Bun.spawn([...command], { cwd, stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const late = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  const text = await new Response(child.stdout).text();
  const code = await child.exited;
  clearTimeout(late);
  return { code, text };
}

function tellPeer({ name, key }: Peer, found: readonly Found[], tell: Tell): void {
  const section = "peers" as const;
  const of = (what: "startMs" | "memoryMb" | "callUs") => found.map((one) => one[what]);
  tell(row({ id: `peer.${key}.start`, section, figure: `${name}: start`, values: of("startMs"), unit: "ms" }));
  tell(row({ id: `peer.${key}.memory`, section, figure: `${name}: memory each`, values: of("memoryMb"), unit: "MB" }));
  tell(row({ id: `peer.${key}.call`, section, figure: `${name}: call`, values: of("callUs"), unit: "us" }));
  if (found.every(({ hogStopped }) => hogStopped === null)) return;
  const stopped = (hogs: readonly Found[]) => hogs.filter(({ hogStopped }) => hogStopped === true).length;
  const note = HOGS.map((hog, index) => {
    const runs = found.filter((_, round) => round % HOGS.length === index);
    return `${hog}: ${stopped(runs)} of ${runs.length}`;
  }).join(", ");
  const figure = `${name}: hogs in native code that were stopped`;
  tell(row({ id: `peer.${key}.hog`, section, figure, values: [stopped(found) / found.length], unit: "x", better: "higher", note }));
}
