/** From process start to ready, and memory: with the bench's plugins, and with all that the program brings. */
import { emptyProcess, emptyProcesses } from "../bare.ts";
import { row, type Settings, type Tell } from "../row.ts";
import { cpuMs, pssMb } from "../system.ts";
import { type World, withWorld } from "../world.ts";

const SETTLE_MS = 1_500;
const TARGETS = { 10: 150, 50: 250 } as const;

/** What one kind of start took in each round. */
interface Starts {
  readonly ms: number[];
  readonly cpu: number[];
  readonly gatewayMb: number[];
  readonly hostMb: number[];
  readonly wholeMb: number[];
}

async function starts(world: World, rounds: number, kind: "cold" | "kept"): Promise<Starts> {
  const found: Starts = { ms: [], cpu: [], gatewayMb: [], hostMb: [], wholeMb: [] };
  for (let round = 0; round < rounds; round++) {
    await world.stop();
    if (kind === "cold") world.forgetBundles();
    found.ms.push(await world.start());
    found.cpu.push(world.processes.reduce((sum, { pid }) => sum + cpuMs(pid), 0));
    if (kind === "cold") continue;
    await Bun.sleep(SETTLE_MS);
    found.gatewayMb.push(pssMb(world.pid));
    found.hostMb.push(pssMb(world.host));
    found.wholeMb.push(world.processes.reduce((sum, { pid }) => sum + pssMb(pid), 0));
  }
  return found;
}

export async function start({ binary, rounds }: Settings, tell: Tell): Promise<void> {
  const bare = { what: "empty bun process", value: await emptyProcess() };
  const kept = new Map<number, Starts>();
  for (const plugins of [10, 50] as const) {
    await withWorld({ command: [binary], plugins }, async (world) => {
      const first = await world.start(); // It approves the plugins.
      const cold = await starts(world, rounds, "cold");
      const again = await starts(world, rounds, "kept");
      kept.set(plugins, again);
      const target = TARGETS[plugins];
      const note = `first start ever ${first.toFixed(0)} ms`;
      tell(row({ id: `ready.${plugins}`, figure: `ready, ${plugins} plugins`, values: again.ms, unit: "ms", target, bare }));
      const figure = `ready, ${plugins} plugins, no bundle kept`;
      tell(row({ id: `ready.${plugins}.cold`, figure, values: cold.ms, unit: "ms", target, bare, note }));
      for (const [id, what, values] of [
        ["kept", "", again.cpu],
        ["cold", ", no bundle kept", cold.cpu],
      ] as const) {
        const processor = `processor time until ready, ${plugins} plugins${what}`;
        tell(row({ id: `ready.${plugins}.${id}.cpu`, section: "further", figure: processor, values, unit: "ms" }));
      }
    });
  }
  await memory(kept, tell);
}

async function memory(kept: ReadonlyMap<number, Starts>, tell: Tell): Promise<void> {
  const ten = kept.get(10);
  const fifty = kept.get(50);
  if (ten === undefined || fifty === undefined) return;
  const note = `gateway ${middle(ten.gatewayMb)} MB, plugin host ${middle(ten.hostMb)} MB`;
  tell(
    row({ id: "memory.10", figure: "memory, 10 plugins (PSS)", values: ten.wholeMb, unit: "MB", target: 90, bare: await emptyMb(), note }),
  );
  const each = fifty.hostMb.map((mb, round) => (mb - (ten.hostMb[round] ?? Number.NaN)) / 40);
  tell(row({ id: "memory.each", figure: "memory, each further plugin", values: each, unit: "MB", target: 0.5 }));
}

/** What two processes of Bun take that do nothing. */
async function emptyMb() {
  const empty = await emptyProcesses();
  await Bun.sleep(SETTLE_MS);
  const value = empty.pids.reduce((sum, pid) => sum + pssMb(pid), 0);
  await empty.close();
  return { what: "two empty processes of Bun", value };
}

const middle = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]?.toFixed(0);

/** Every plugin of the program and every example, beside each other. */
export async function all({ binary, rounds }: Settings, tell: Tell): Promise<void> {
  await withWorld({ command: [binary], plugins: 0, withAll: true }, async (world) => {
    await world.start();
    const found = await starts(world, rounds, "kept");
    const what = "all bundled plugins and all examples";
    tell(row({ id: "all.ready", section: "further", figure: `ready, ${what}`, values: found.ms, unit: "ms" }));
    tell(row({ id: "all.cpu", section: "further", figure: `processor time until ready, ${what}`, values: found.cpu, unit: "ms" }));
    tell(row({ id: "all.memory", section: "further", figure: `memory (PSS), ${what}`, values: found.wholeMb, unit: "MB" }));
  });
}
