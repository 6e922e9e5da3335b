/** A region of 3, 10 and 100 light sites on one Mosquitto: what each costs in memory, traffic and time, by the number of sites and posts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HAS_MOSQUITTO, Mosquitto } from "../mesh/mqtt/mosquitto.ts";
import type { ChildSetup, SiteFigures } from "./region-child.ts";
import { row, type Settings, type Tell } from "./row.ts";
import { pssMb } from "./system.ts";

const SITES_A_PROCESS = 25;
const POSTS = 100;
/** That each site hears itself: a busy mesh, and a city's. */
const NODES = 100;
const MORE_NODES = 500;
/** At once; a hundred sites in four processes of one machine take minutes for a thousand. */
const MORE_POSTS = (sites: number) => (sites > 30 ? 300 : 1_000);
const IDLE_MS = 62_000;
const PATIENCE_MS = 300_000;

interface Answer {
  readonly cpuMs: number;
  readonly sites: readonly SiteFigures[];
}

class Child {
  readonly #process = Bun.spawn([process.execPath, join(import.meta.dir, "region-child.ts")], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  readonly #lines = linesOf(this.#process.stdout);

  get pid(): number {
    return this.#process.pid;
  }

  async ask<T>(order: object): Promise<T> {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
    await this.#process.stdin.flush();
    const { value } = await this.#lines.next();
    return JSON.parse(value ?? "null");
  }

  async end(): Promise<void> {
    await this.ask({ do: "stop" });
    this.#process.stdin.end();
    await this.#process.exited;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** One region of so many sites. */
class SmallRegion {
  readonly children: Child[] = [];
  readonly #setup: Omit<ChildSetup, "from" | "to">;

  constructor(
    url: string,
    folder: string,
    readonly count: number,
  ) {
    const secrets = Array.from({ length: count }, () => Buffer.from(crypto.getRandomValues(new Uint8Array(64))).toString("base64"));
    this.#setup = { url, folder, region: `bench${count}`, secrets };
  }

  /** All but the last `away` sites. */
  async open(away = 0): Promise<void> {
    for (let from = 0; from < this.count - away; from += SITES_A_PROCESS)
      await this.#start(from, Math.min(this.count - away, from + SITES_A_PROCESS));
  }

  /** The site that was away, in a process of its own. */
  async openLast(): Promise<Child> {
    return this.#start(this.count - 1, this.count);
  }

  async #start(from: number, to: number): Promise<Child> {
    const child = new Child();
    this.children.push(child);
    await child.ask({ do: "open", setup: { ...this.#setup, from, to } });
    return child;
  }

  async figures(): Promise<{ readonly cpuMs: number; readonly sites: readonly SiteFigures[] }> {
    const answers = await Promise.all(this.children.map((child) => child.ask<Answer>({ do: "figures" })));
    return { cpuMs: answers.reduce((sum, { cpuMs }) => sum + cpuMs, 0), sites: answers.flatMap(({ sites }) => sites) };
  }

  async until(what: string, holds: (sites: readonly SiteFigures[]) => boolean): Promise<number> {
    const started = performance.now();
    for (;;) {
      const { sites } = await this.figures();
      if (holds(sites)) return performance.now() - started;
      if (performance.now() - started > PATIENCE_MS) throw new Error(`region of ${this.count}: not in time: ${what}`);
      await Bun.sleep(50);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.children.map((child) => child.end()));
  }
}

export async function region(settings: Settings, tell: Tell): Promise<void> {
  if (!HAS_MOSQUITTO) {
    console.log("region: skipped, there is no mosquitto (Debian: apt-get install mosquitto)");
    return;
  }
  const broker = await Mosquitto.start();
  const folder = mkdtempSync(join(tmpdir(), "bench-region-"));
  try {
    for (const count of settings.full ? [3, 10, 30, 100] : [3, 10, 30])
      await measure(new SmallRegion(broker.url, folder, count), broker, settings, tell);
  } finally {
    await broker.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(region: SmallRegion, broker: Mosquitto, settings: Settings, tell: Tell): Promise<void> {
  const { count } = region;
  const say = (figure: string, measured: number, unit: string, note = "") =>
    tell(
      row({
        id: `region.${count}.${figure}`,
        section: "further",
        figure: `region of ${count}: ${figure}`,
        values: [measured],
        unit,
        ...(note === "" ? {} : { note }),
      }),
    );
  try {
    await region.open(1);
    const joined = await region.until("all see all", (sites) => sites.every(({ online }) => online === count - 1));
    say("all sites see each other", joined / 1000, "s");
    if (settings.full) await idle(region, say);
    let posts = await post(region, say, 0, POSTS);
    if (settings.full) posts = await post(region, say, posts, MORE_POSTS(count));
    for (const nodes of settings.full ? [NODES, MORE_NODES] : [NODES]) await directory(region, say, nodes);
    // A site that was away when they were posted.
    const late = await region.openLast();
    const caughtUp = await region.until("the last one has all", (sites) => sites.at(-1)?.records === posts);
    const last = (await late.ask<Answer>({ do: "figures" })).sites[0];
    say("a site that was away catches up", caughtUp / 1000, "s", `${posts} posts, ${((last?.bytesIn ?? 0) / 1024).toFixed(0)} KB in`);
    const memory = region.children.slice(0, -1).map(({ pid }) => pssMb(pid));
    const pss = memory.reduce((sum, mb) => sum + mb, 0);
    say(
      "memory of all sites' processes",
      pss,
      "MB",
      `${memory.length} processes of up to ${SITES_A_PROCESS} sites, ${(pss / count).toFixed(1)} MB each`,
    );
    say("memory of the broker", pssMb(broker.pid), "MB");
  } finally {
    await region.close();
  }
}

type Say = (figure: string, measured: number, unit: string, note?: string) => void;

/** What presence costs while nothing happens. */
async function idle(region: SmallRegion, say: Say): Promise<void> {
  await Bun.sleep(3_000);
  const before = await region.figures();
  await Bun.sleep(IDLE_MS);
  const after = await region.figures();
  const sum = (figures: typeof before, key: "bytesIn" | "messagesIn" | "bytesOut") =>
    figures.sites.reduce((all, site) => all + site[key], 0);
  const perSite = (key: "bytesIn" | "messagesIn" | "bytesOut") => (sum(after, key) - sum(before, key)) / region.count / (IDLE_MS / 60_000);
  say(
    "idle, in, each site a minute",
    perSite("bytesIn") / 1024,
    "KB",
    `${perSite("messagesIn").toFixed(0)} messages; out ${(perSite("bytesOut") / 1024).toFixed(2)} KB`,
  );
  say("idle, CPU of each site", (after.cpuMs - before.cpuMs) / region.count / (IDLE_MS / 1000) / 10, "%");
}

/** One site posts: what every other site gets, and when. Returns how many there are then. */
async function post(region: SmallRegion, say: Say, before: number, count: number): Promise<number> {
  const start = await region.figures();
  const [first] = region.children;
  const posts = (await first?.ask<number>({ do: "post", site: 0, count })) ?? 0;
  const took = await region.until("all have all", (sites) => sites.every(({ records }) => records === before + posts));
  const end = await region.figures();
  const bytes = end.sites.reduce((sum, site, index) => sum + site.bytesIn - (start.sites[index]?.bytesIn ?? 0), 0);
  say(
    `${posts} posts at every site`,
    took / 1000,
    "s",
    `${(bytes / (region.count - 2) / posts).toFixed(0)} bytes in for each post and site`,
  );
  say(`CPU of one of ${posts} posts at each site`, (end.cpuMs - start.cpuMs) / (region.count - 1) / posts, "ms");
  return before + posts;
}

/** Every site tells every other whom it hears: what a node costs each of them, once. */
async function directory(region: SmallRegion, say: Say, nodes: number): Promise<void> {
  const start = await region.figures();
  const others = start.sites.length - 1;
  await Promise.all(region.children.map((child) => child.ask({ do: "hear", count: nodes })));
  const took = await region.until("all know all nodes", (sites) => sites.every((site) => site.nodes === others * nodes));
  const end = await region.figures();
  // Presence meanwhile is in it too.
  const grown = (key: "bytesIn" | "databaseBytes") =>
    end.sites.reduce((sum, site, at) => sum + site[key] - (start.sites[at]?.[key] ?? 0), 0);
  const told = end.sites.length * others * nodes;
  const note = `${(grown("bytesIn") / told).toFixed(0)} bytes in, ${(grown("databaseBytes") / told).toFixed(0)} on disk for each node and site`;
  say(`${nodes} nodes of each site at every other`, took / 1000, "s", note);
  say(`CPU of one of ${nodes} nodes at each other site`, (end.cpuMs - start.cpuMs) / told, "ms");
}
