/** Over time: what an idle gateway costs, what one text a second writes, and whether a task keeps its time. All at once. */
import { INTERVAL } from "../attackers.ts";
import { type EmptyProcesses, emptyProcesses } from "../bare.ts";
import { row, type Settings, type Tell } from "../row.ts";
import { countFsyncs, cpuMs, percentile, switches, writtenMb } from "../system.ts";
import { commandOf, World } from "../world.ts";

const SETTLE_MS = 8_000;
const WINDOW_S = 12;

export async function quiet(settings: Settings, tell: Tell): Promise<void> {
  const { binary, rounds, full } = settings;
  const seconds = full ? 5 * WINDOW_S : WINDOW_S;
  const worlds = {
    idle: new World({ command: [binary], plugins: 10 }),
    all: new World({ command: [binary], plugins: 0, withAll: true }),
    texts: new World({ command: [binary], plugins: 10, spacingS: 1 }),
    interval: new World({ command: [binary], plugins: 9, further: { interval: INTERVAL } }),
  };
  let empty: EmptyProcesses | null = null;
  try {
    empty = await emptyProcesses();
    const bare = empty.pids;
    for (const world of Object.values(worlds)) await world.start();
    const texts = setInterval(() => worlds.texts.radio.say(commandOf(0), 1), 1_000);
    await Bun.sleep(SETTLE_MS);
    const syncs = countFsyncs(worlds.idle.processes.map(({ pid }) => pid));
    const of = (world: World) => new Meter(() => world.processes.map(({ pid }) => pid));
    const meters = { idle: of(worlds.idle), all: of(worlds.all), texts: of(worlds.texts), empty: new Meter(() => bare) };
    // The tracer stops the processes that it watches and would be in their figures: it watches in a round of its own.
    await Bun.sleep(WINDOW_S * 1_000);
    const fsyncs = await syncs.stop();
    for (let round = -1; round < rounds; round++) {
      for (const meter of Object.values(meters)) meter.read(seconds, round >= 0);
      if (round < rounds - 1) await Bun.sleep(seconds * 1_000);
    }
    clearInterval(texts);
    idleRows(meters, seconds, tell);
    fsyncRow(fsyncs, tell);
    await ticks(worlds.interval, seconds * rounds, tell);
  } finally {
    await empty?.close();
    for (const world of Object.values(worlds)) await world.close();
  }
}

/** Differences from reading to reading. */
class Meter {
  readonly cpu: number[] = [];
  readonly switched: number[] = [];
  readonly written: number[] = [];
  #last = { cpu: 0, threads: new Map<string, number>(), written: 0 };

  constructor(private readonly pids: () => readonly number[]) {}

  read(seconds: number, counts: boolean): void {
    const pids = this.pids();
    const sum = (of: (pid: number) => number) => pids.reduce((all, pid) => all + of(pid), 0);
    const now = { cpu: sum(cpuMs), threads: new Map(pids.flatMap((pid) => [...switches(pid)])), written: sum(writtenMb) };
    if (counts) {
      this.cpu.push((now.cpu - this.#last.cpu) / (seconds * 10));
      // A thread that ended takes its count with it.
      const switched = [...now.threads].reduce((all, [thread, count]) => all + count - (this.#last.threads.get(thread) ?? 0), 0);
      this.switched.push(switched / seconds);
      this.written.push(((now.written - this.#last.written) * 60) / seconds);
    }
    this.#last = now;
  }
}

function idleRows({ idle, all, texts, empty }: Record<"idle" | "all" | "texts" | "empty", Meter>, seconds: number, tell: Tell): void {
  const note = `windows of ${seconds} s`;
  tell(row({ id: "idle.cpu", figure: "idle, 10 plugins: processor", values: idle.cpu, unit: "%", target: 0.3, note }));
  const figure = "idle, 10 plugins: voluntary switches";
  const bare = { what: "two empty processes of Bun with a connection each", value: percentile(empty.switched, 0.5) };
  tell(row({ id: "idle.switches", figure, values: idle.switched, unit: "/s", target: 2, bare, note: "all threads of both processes" }));
  const disk = "disk written at one text a second";
  tell(row({ id: "disk", figure: disk, values: texts.written, unit: "MB/min", target: 0.38, note: "each is a command, answered" }));
  const section = "further" as const;
  tell(row({ id: "all.idle.cpu", section, figure: "idle, all plugins and examples: processor", values: all.cpu, unit: "%", note }));
  const switched = "idle, all plugins and examples: voluntary switches";
  tell(row({ id: "all.idle.switches", section, figure: switched, values: all.switched, unit: "/s" }));
  tell(row({ id: "disk.idle", section, figure: "disk written while idle, 10 plugins", values: idle.written, unit: "MB/min" }));
}

function fsyncRow(fsyncs: number | null, tell: Tell): void {
  if (fsyncs === null) {
    console.log("fsyncs: skipped, strace is missing or not allowed");
    return;
  }
  const note = `${fsyncs} in ${WINDOW_S} s`;
  const values = [(fsyncs * 3_600) / WINDOW_S];
  tell(row({ id: "idle.fsyncs", section: "further", figure: "idle, 10 plugins: fsyncs", values, unit: "/h", target: 60, note }));
}

async function ticks(world: World, seconds: number, tell: Tell): Promise<void> {
  const told = (await world.radio.ask(`ticks ${seconds - 1}`))?.text.split(" ").map(Number) ?? [];
  const [count = 0, drift = Number.NaN, farthest = Number.NaN] = told;
  const note = `${count} ticks, the handler takes 100 ms`;
  const section = "further" as const;
  const values = [Math.abs(drift)];
  tell(row({ id: "interval.drift", section, figure: "1 s task, drift of the last tick", values, unit: "ms", target: 20, note }));
  const figure = "1 s task, farthest tick from its time";
  tell(row({ id: "interval.farthest", section, figure, values: [farthest], unit: "ms", target: 20, note }));
}
