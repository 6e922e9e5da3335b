/** Commands over the radio: one after the other, and many at once. */
import type { HopReport } from "../../../src/hops.ts";
import { pipeEcho, relayEcho, type Spread, workerEcho } from "../bare.ts";
import { row, type Settings, type Tell } from "../row.ts";
import { cpuMs, percentile } from "../system.ts";
import { commandOf, type World, withWorld } from "../world.ts";

const ONE_BY_ONE = 1_000;
const AT_ONCE = 10_000;
const WINDOW = 256;
const PARTS = [
  ["p50", 0.5, 0.25],
  ["p99", 0.99, 1],
] as const;

const warm = (world: World, plugins: number) =>
  world.radio.flood(2_000, 16, (index, sender) => ({ sender, text: commandOf(index % plugins) }));

async function oneByOne(world: World, count: number): Promise<number[]> {
  const took: number[] = [];
  for (let index = 0; index < count; index++) took.push((await world.radio.ask(commandOf(index % 10)))?.ms ?? Number.NaN);
  return took;
}

/** One at a time: over a loopback connection, so with a process change that a serial port has not. */
export async function latency({ binary, rounds, full }: Settings, tell: Tell): Promise<void> {
  const count = full ? 3 * ONE_BY_ONE : ONE_BY_ONE;
  await withWorld({ command: [binary], plugins: 10 }, async (world) => {
    await world.start();
    await warm(world, 10);
    const bare: Spread[] = [];
    const took: number[][] = [];
    const cpu: number[] = [];
    for (let round = 0; round < rounds; round++) {
      bare.push(await relayEcho(count));
      const before = cpuOf(world);
      took.push(await oneByOne(world, count));
      cpu.push(((cpuOf(world) - before) * 1_000) / count);
    }
    for (const [name, part, target] of PARTS) {
      const values = took.map((one) => percentile(one, part));
      const beside = {
        what: "the same way, nothing done",
        value: percentile(
          bare.map((one) => one[name]),
          0.5,
        ),
      };
      tell(row({ id: `command.${name}`, figure: `command, bytes in to bytes out, ${name}`, values, unit: "ms", target, bare: beside }));
    }
    const figure = "processor time of a command, one by one, both processes";
    tell(row({ id: "command.cpu", section: "further", figure, values: cpu, unit: "us" }));
    const echoes = { pipe: (await pipeEcho(count)).p50, "Bun Worker": (await workerEcho(count)).p50 };
    for (const [what, p50] of Object.entries(echoes))
      tell(row({ id: `echo.${what}`, section: "further", figure: `${what} echo, p50`, values: [p50 * 1_000], unit: "us" }));
  });
}

const cpuOf = (world: World) => world.processes.reduce((sum, { pid }) => sum + cpuMs(pid), 0);

const NAMES: Readonly<Record<string, string>> = {
  "bytes>message": "bytes from the radio, to a message",
  "message>call": "the plugin to ask, to a frame on the bridge",
  "call>result": "bridge, plugin host, handler, and back",
  "result>queued": "the answer is allowed, to a text for the outbox",
  "queued>stored": "outbox and commit",
  "stored>written": "the radio's turn, to bytes",
};

/** Where the time of one command goes. */
export async function hops({ binary, rounds }: Settings, tell: Tell): Promise<void> {
  await withWorld({ command: [binary], plugins: 10, flags: ["--trace-hops"] }, async (world) => {
    await world.start();
    await warm(world, 10);
    await oneByOne(world, 600);
    world.hops.length = 0;
    await oneByOne(world, 520 * rounds);
    await Bun.sleep(200);
    const reports: HopReport[] = world.hops.map((text) => JSON.parse(text));
    for (const [id, figure] of Object.entries(NAMES))
      tell(row({ id: `hop.${id}`, section: "hops", figure, values: reports.map(({ us }) => us[id] ?? Number.NaN), unit: "us" }));
  });
}

/** Many senders at once. */
export async function throughput({ binary, rounds, full }: Settings, tell: Tell): Promise<void> {
  const count = full ? 2 * AT_ONCE : AT_ONCE;
  let fifty = Number.NaN;
  for (const plugins of [50, 200]) {
    await withWorld({ command: [binary], plugins }, async (world) => {
      await world.start();
      const question = (index: number, sender: number) => ({ sender, text: commandOf(index % plugins) });
      await world.radio.flood(count / 2, WINDOW, question);
      const values: number[] = [];
      const cpu: number[] = [];
      let lost = 0;
      for (let round = 0; round < rounds; round++) {
        const before = cpuOf(world);
        const flood = await world.radio.flood(count, WINDOW, question);
        values.push(flood.perSecond);
        cpu.push(((cpuOf(world) - before) * 1_000) / count);
        lost += flood.lost;
      }
      const note = lost === 0 ? "none lost" : `${lost} LOST`;
      const target = plugins === 50 ? 12_000 : 0.9 * fifty;
      const id = `throughput.${plugins}`;
      const bare = { what: "round trips of one pipe", value: 1_000 / (await pipeEcho(1_000)).p50 };
      const rate = row({ id, figure: `commands at once, ${plugins} plugins`, values, unit: "/s", target, better: "higher", bare, note });
      if (plugins === 50) fifty = rate.measured;
      tell(rate);
      const figure = `processor time of a command at once, ${plugins} plugins, both processes`;
      tell(row({ id: `${id}.cpu`, section: "further", figure, values: cpu, unit: "us" }));
    });
  }
}
