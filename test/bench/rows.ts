/** The rows of the table: each drives a true gateway and says what it found beside what it should be. */
import { existsSync, statSync } from "node:fs";
import { ATTACKS, INTERVAL, KILLER, STORAGE } from "./attackers.ts";
import { emptyProcess, pipeEcho, rawStorage, relayEcho, type Spread, workerEcho } from "./bare.ts";
import { countFsyncs, cpuMs, percentile, pssMb } from "./system.ts";
import { commandOf, World } from "./world.ts";

export interface Row {
  readonly figure: string;
  readonly measured: number;
  readonly unit: string;
  readonly target: number;
  /** Whether the target is a least or a most. */
  readonly better: "higher" | "lower";
  /** The bare counterpart of the same run, in the same unit. */
  readonly bare?: { readonly what: string; readonly value: number };
  readonly note?: string;
}

export interface Settings {
  readonly binary: string;
  readonly quick: boolean;
  /** Also what takes minutes: the full interval test. */
  readonly long: boolean;
}

type Tell = (row: Row) => void;

const SETTLE_MS = 1_000;
const ASKER = 0;
const VICTIM_EVERY_MS = 10;

/** Process start to ready, and memory; each world is started once to approve its plugins and then measured. */
export async function startAndMemory(settings: Settings, tell: Tell): Promise<void> {
  const empty = await emptyProcess();
  const bare = { what: "empty bun process", value: empty };
  const hosts: number[] = [];
  for (const plugins of [10, 50]) {
    const world = new World({ command: [settings.binary], plugins });
    try {
      const first = await world.start();
      await Bun.sleep(SETTLE_MS);
      await world.stop();
      const took: number[] = [];
      for (let round = 0; round < (settings.quick ? 3 : 5); round++) {
        if (round > 0) await world.stop();
        took.push(await world.start());
      }
      const note = `first start ever ${first.toFixed(0)} ms`;
      const target = plugins === 10 ? 250 : 500;
      tell({ figure: `ready with ${plugins} plugins`, measured: percentile(took, 0.5), unit: "ms", target, better: "lower", bare, note });
      // The compiler's process ends by itself when it has nothing to do.
      await Bun.sleep(5_000);
      hosts.push(pssMb(world.host));
      if (plugins === 10) {
        const whole = world.processes.reduce((sum, { pid }) => sum + pssMb(pid), 0);
        tell({ figure: "memory, gateway with 10 plugins", measured: whole, unit: "MB", target: 110, better: "lower" });
      }
    } finally {
      await world.close();
    }
  }
  const each = ((hosts[1] ?? 0) - (hosts[0] ?? 0)) / 40;
  tell({ figure: "memory, each further plugin", measured: each, unit: "MB", target: 1, better: "lower" });
}

/** One at a time: over a loopback connection, so with a process change that a serial port has not. */
export async function latency(settings: Settings, tell: Tell): Promise<void> {
  const count = settings.quick ? 1_000 : 3_000;
  const world = new World({ command: [settings.binary], plugins: 10 });
  try {
    await world.start();
    await world.radio.flood(2_000, 16, (index, sender) => ({ sender, text: commandOf(index % 10) }));
    const before = await relayEcho(count);
    const took: number[] = [];
    for (let index = 0; index < count; index++) took.push((await world.radio.ask(commandOf(index % 10)))?.ms ?? Number.NaN);
    const after = await relayEcho(count);
    const bare = better(before, after);
    const what = "the same way, nothing done";
    for (const [name, part, target] of [
      ["p50", 0.5, 0.15],
      ["p99", 0.99, 1],
    ] as const) {
      const measured = percentile(took, part);
      tell({
        figure: `command, bytes in to bytes out, ${name}`,
        measured,
        unit: "ms",
        target,
        better: "lower",
        bare: { what, value: bare[name] },
      });
    }
    const pipe = (await pipeEcho(count)).p50;
    const worker = (await workerEcho(count)).p50;
    tell({ figure: "  for comparison: pipe echo, p50", measured: pipe, unit: "ms", target: Number.NaN, better: "lower" });
    tell({ figure: "  for comparison: Bun Worker echo, p50", measured: worker, unit: "ms", target: Number.NaN, better: "lower" });
  } finally {
    await world.close();
  }
}

/** Many senders at once. */
export async function throughput(settings: Settings, tell: Tell): Promise<void> {
  const count = settings.quick ? 10_000 : 40_000;
  const best = new Map<number, number>();
  for (const plugins of [50, 200]) {
    const world = new World({ command: [settings.binary], plugins });
    try {
      await world.start();
      const question = (index: number, sender: number) => ({ sender, text: commandOf(index % plugins) });
      await world.radio.flood(count / 4, 256, question);
      let perSecond = 0;
      let lost = 0;
      for (let round = 0; round < 3; round++) {
        const flood = await world.radio.flood(count / 2, 256, question);
        perSecond = Math.max(perSecond, flood.perSecond);
        lost += flood.lost;
      }
      best.set(plugins, perSecond);
      const target = plugins === 50 ? 15_000 : 0.9 * (best.get(50) ?? 0);
      const what = "round trips of one pipe echo";
      const bare = { what, value: 1_000 / (await pipeEcho(1_000)).p50 };
      const note = lost === 0 ? "none lost" : `${lost} LOST`;
      tell({ figure: `commands, pipelined, ${plugins} plugins`, measured: perSecond, unit: "/s", target, better: "higher", bare, note });
    } finally {
      await world.close();
    }
  }
}

/** What others notice of a plugin that does its worst. */
export async function attacks(settings: Settings, tell: Tell): Promise<void> {
  const ms = settings.quick ? 3_000 : 8_000;
  for (const [name, attacker] of Object.entries(ATTACKS)) {
    const world = new World({ command: [settings.binary], plugins: 9, further: { attacker } });
    try {
      await world.start();
      const quiet = await victim(world, settings.quick ? 1_000 : 2_000);
      const again = setInterval(() => world.radio.say(`attack_${name}`, 100), 50);
      const took = await victim(world, ms);
      clearInterval(again);
      const bare = { what: "without the attack", value: percentile(quiet, 0.99) };
      const measured = percentile(took, 0.99);
      tell({ figure: `another plugin's p99, attack by ${name}`, measured, unit: "ms", target: 100, better: "lower", bare });
    } finally {
      await world.close();
    }
  }
  const world = new World({ command: [settings.binary], plugins: 50, further: { attacker: KILLER } });
  try {
    await world.start();
    const quiet = await victim(world, 1_000);
    world.radio.say("attack_native", 100);
    const took = await victim(world, 8_000);
    const bare = { what: "without the attack", value: percentile(quiet, 0.99) };
    const note = "the longest of all answers: from the kill until 50 plugins are back";
    tell({
      figure: "another plugin, while its host is killed",
      measured: percentile(took, 1),
      unit: "ms",
      target: 1_500,
      better: "lower",
      bare,
      note,
    });
  } finally {
    await world.close();
  }
}

/** Asks one plugin again and again for so long; an answer that never comes counts as 30 s. */
async function victim(world: World, ms: number): Promise<number[]> {
  const took: number[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    took.push((await world.radio.ask(commandOf(0), ASKER, 30_000))?.ms ?? 30_000);
    await Bun.sleep(VICTIM_EVERY_MS);
  }
  return took;
}

/** Key-value data through the realm. */
export async function storage(settings: Settings, tell: Tell): Promise<void> {
  const world = new World({ command: [settings.binary], plugins: 1, further: { storage: STORAGE } });
  try {
    await world.start();
    const bare = rawStorage(5_000);
    // Apart, so that the plugin stays within its budget of 200 ms a second.
    for (let round = 0; round < (settings.quick ? 10 : 25); round++) {
      await world.radio.ask("store", ASKER, 10_000);
      await Bun.sleep(100);
    }
    const told = await world.radio.ask("store told");
    const measured = Number(told?.text.split(" ")[0]) / bare;
    tell({
      figure: "storeData + retrieveData, of raw bun:sqlite",
      measured,
      unit: "x",
      target: 0.3,
      better: "higher",
      bare: { what: "raw bun:sqlite", value: 1 },
      note: `${(measured * bare).toFixed(0)} of ${bare.toFixed(0)} pairs a second`,
    });
  } finally {
    await world.close();
  }
}

/** A task every second whose handler takes 100 ms; at the same time what an idle gateway costs. */
export async function quiet(settings: Settings, tell: Tell): Promise<void> {
  const seconds = settings.long ? 60 : settings.quick ? 8 : 20;
  const world = new World({ command: [settings.binary], plugins: 9, further: { interval: INTERVAL } });
  const idle = new World({ command: [settings.binary], plugins: 10 });
  try {
    await world.start();
    await idle.start();
    await Bun.sleep(5_000);
    const pids = idle.processes.map(({ pid }) => pid);
    const spent = () => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
    const before = spent();
    const syncs = countFsyncs(pids);
    await Bun.sleep(seconds * 1_000);
    const cpu = ((spent() - before) / (seconds * 1_000)) * 100;
    const fsyncs = await syncs.stop();
    tell({ figure: "idle, 10 plugins: processor", measured: cpu, unit: "%", target: 0.5, better: "lower", note: `over ${seconds} s` });
    if (fsyncs !== null) {
      const measured = (fsyncs * 3_600) / seconds;
      tell({
        figure: "idle, 10 plugins: fsyncs an hour",
        measured,
        unit: "/h",
        target: 60,
        better: "lower",
        note: `${fsyncs} in ${seconds} s`,
      });
    }
    const told = (await world.radio.ask(`ticks ${seconds - 1}`))?.text.split(" ").map(Number) ?? [];
    const [count = 0, drift = Number.NaN, farthest = Number.NaN] = told;
    const note = `${count} ticks, handler takes 100 ms`;
    tell({ figure: "1 s task, drift of the last tick", measured: Math.abs(drift), unit: "ms", target: 20, better: "lower", note });
    tell({ figure: "1 s task, farthest tick from its time", measured: farthest, unit: "ms", target: 20, better: "lower", note });
  } finally {
    await world.close();
    await idle.close();
  }
}

export async function size({ binary }: Settings, tell: Tell): Promise<void> {
  const bytes = (path: string) => (existsSync(path) ? statSync(path).size : 0) / 1e6;
  const bare = { what: "bun itself", value: bytes(process.execPath) };
  tell({ figure: "binary", measured: bytes(binary), unit: "MB", target: 125, better: "lower", bare });
}

const better = (one: Spread, other: Spread): Spread => (one.p50 < other.p50 ? one : other);
