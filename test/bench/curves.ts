/** What each further plugin, sender, node and megabyte costs: ready time, p99 of a command, memory. */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { Mesh, Portnums } from "@meshtastic/protobufs";
import type { Settings } from "./row.ts";
import { percentile, pssMb } from "./system.ts";
import { commandOf, type World, withWorld } from "./world.ts";

export interface Point {
  readonly at: number;
  /** ms; null where it does not depend on it. */
  readonly ready: number | null;
  /** ms. */
  readonly p99: number;
  /** MB, of all processes. */
  readonly memory: number;
}

export interface Curve {
  readonly name: string;
  readonly unit: string;
  readonly points: readonly Point[];
}

const ASKED = 600;
const STARTS = 3;
const SETTLE_MS = 1_500;
const ANSWER_MS = 60_000;
/** The program keeps as many received texts; more would go at the first chance. */
const TEXTS = 9_000;

/** Asks `senders` nodes' questions, one by one, of so many plugins. */
async function measure(world: World, plugins: number, senders: number): Promise<Omit<Point, "at" | "ready">> {
  const ask = (index: number) => world.radio.ask(commandOf(index % plugins), index % senders, ANSWER_MS);
  for (let index = 0; index < ASKED; index++) await ask(index);
  const took: number[] = [];
  for (let index = 0; index < Math.max(ASKED, senders); index++) took.push((await ask(index))?.ms ?? ANSWER_MS);
  await Bun.sleep(SETTLE_MS);
  const memory = world.processes.reduce((sum, { pid }) => sum + pssMb(pid), 0);
  return { p99: percentile(took, 0.99), memory };
}

async function startAgain(world: World): Promise<number> {
  const took: number[] = [];
  for (let round = 0; round < STARTS; round++) {
    await world.stop();
    took.push(await world.start());
  }
  return percentile(took, 0.5);
}

type Prepare = (world: World, at: number) => Promise<void>;
const nothing: Prepare = async () => {};

async function point(binary: string, at: number, kind: { plugins?: number; senders?: number; prepare?: Prepare }): Promise<Point> {
  const { plugins = 10, senders = 1, prepare = nothing } = kind;
  return await withWorld({ command: [binary], plugins }, async (world) => {
    await world.start();
    await prepare(world, at);
    const ready = kind.senders === undefined ? await startAgain(world) : null;
    const found = { at, ready, ...(await measure(world, plugins, senders)) };
    console.log(`  ${at}: ready ${found.ready?.toFixed(0) ?? "-"} ms, p99 ${found.p99.toFixed(2)} ms, ${found.memory.toFixed(0)} MB`);
    return found;
  });
}

/** So many nodes told their names. */
const introduce: Prepare = async (world, nodes) => {
  await world.radio.pour(nodes, 3_000, (sender) => {
    const user = create(Mesh.UserSchema, { id: `!${sender}`, longName: `Node number ${sender}`, shortName: `N${sender % 1000}` });
    return { sender, portnum: Portnums.PortNum.NODEINFO_APP, payload: toBinary(Mesh.UserSchema, user) };
  });
  await world.radio.ask(commandOf(0), 0, ANSWER_MS);
};

/** The core database with so many megabytes of texts in it, more than the mesh could bring. */
const fill: Prepare = async (world, megabytes) => {
  await world.stop();
  const database = new Database(join(world.data, "gateway.db"));
  const text = "x".repeat(Math.round((megabytes * 1e6) / TEXTS));
  const insert = database.query(
    "INSERT INTO received (link, packet_id, from_node, to_node, channel, is_direct, text, is_reaction, correlation_id, received_at) VALUES ('radio', ?, 2, 3, 0, 0, ?, 0, 'bench', ?)",
  );
  database.transaction(() => {
    for (let index = 0; index < TEXTS; index++) insert.run(index, text, Date.now());
  })();
  database.close();
  await world.start();
};

export async function curves({ binary, full }: Settings): Promise<Curve[]> {
  const all: Curve[] = [];
  const follow = async (name: string, unit: string, ats: readonly number[], kind: (at: number) => Parameters<typeof point>[2]) => {
    console.log(`${name}:`);
    const points: Point[] = [];
    for (const at of ats) points.push(await point(binary, at, kind(at)));
    all.push({ name, unit, points });
  };
  await follow("plugins", "plugins", full ? [1, 10, 50, 200, 500] : [1, 10, 50, 200], (plugins) => ({ plugins }));
  await follow("senders", "senders", [1, 10, 100, 1_000, ...(full ? [10_000] : [])], (senders) => ({ senders }));
  await follow("nodes", "nodes", [10, 100, 1_000, 10_000], () => ({ prepare: introduce }));
  await follow("database", "MB", [1, 10, 100, ...(full ? [1_000] : [])], () => ({ prepare: fill }));
  return all;
}

/** How the cost grows from the first point to the last: 0 is not at all, 1 is in proportion, more is worse than linear. */
export function exponent(points: readonly Point[], of: (point: Point) => number): number {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return Number.NaN;
  return Math.log(of(last) / of(first)) / Math.log(last.at / first.at);
}
