/** A weak board, argued by measurement: the same rows in a quarter of one core and 256 MB; and the arm64 binary, for correctness. */
import { join } from "node:path";
import { row, type Settings, type Tell } from "../row.ts";
import { percentile, pssMb } from "../system.ts";
import { weakBoard } from "../weak.ts";
import { commandOf, type World, withWorld } from "../world.ts";

const ROOT = join(import.meta.dir, "../../..");
const ASKED = 200;
const AT_ONCE = 1_000;
const section = "board" as const;

export async function board(settings: Settings, tell: Tell): Promise<void> {
  await slow(settings, tell);
  await arm64(tell);
}

async function slow({ binary, rounds }: Settings, tell: Tell): Promise<void> {
  const weak = weakBoard();
  try {
    await withWorld({ command: [...weak.before, binary], plugins: 10 }, async (world) => {
      weak.throttle(() => world.pid);
      await world.start();
      const ready: number[] = [];
      for (let round = 0; round < rounds; round++) {
        await world.stop();
        ready.push(await world.start());
      }
      tell(row({ id: "board.ready", section, figure: "ready, 10 plugins", values: ready, unit: "ms", target: 3_000, note: weak.how }));
      await commands(world, rounds, tell);
      const whole = world.processes.reduce((sum, { pid }) => sum + pssMb(pid), 0);
      tell(row({ id: "board.memory", section, figure: "memory after that (PSS)", values: [whole], unit: "MB", target: 256 }));
    });
  } finally {
    weak.end();
  }
}

async function commands(world: World, rounds: number, tell: Tell): Promise<void> {
  const p50: number[] = [];
  const p99: number[] = [];
  const perSecond: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const took: number[] = [];
    for (let index = 0; index < ASKED; index++) {
      took.push((await world.radio.ask(commandOf(index % 10), 0, 30_000))?.ms ?? Number.NaN);
      await Bun.sleep(5);
    }
    p50.push(percentile(took, 0.5));
    p99.push(percentile(took, 0.99));
    const flood = await world.radio.flood(AT_ONCE, 64, (index, sender) => ({ sender, text: commandOf(index % 10) }));
    perSecond.push(flood.perSecond);
  }
  tell(row({ id: "board.p50", section, figure: "command, bytes in to bytes out, p50", values: p50, unit: "ms" }));
  tell(row({ id: "board.p99", section, figure: "command, bytes in to bytes out, p99", values: p99, unit: "ms" }));
  tell(row({ id: "board.rate", section, figure: "commands at once", values: perSecond, unit: "/s", better: "higher" }));
}

/** Right or wrong, not how fast: the emulator knows no jail, so no plugin host runs in it. */
async function arm64(tell: Tell): Promise<void> {
  const started = performance.now();
  const command = [process.execPath, "test", "--timeout", "300000", join(ROOT, "test/gateway/arm64.test.ts")];
  const child = Bun.spawn(command, { cwd: ROOT, stdout: "pipe", stderr: "pipe" });
  const [out, told] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(told)?.[1] ?? 0);
  const skipped = /SKIPPED: .*/.exec(out + told)?.[0];
  if (skipped !== undefined) return console.log(`arm64: ${skipped}`);
  const note = `${count("pass")} checks passed in ${((performance.now() - started) / 1000).toFixed(0)} s, by an emulator elsewhere than on arm64`;
  const figure = "arm64 binary: checks that failed";
  tell(row({ id: "board.arm64", section, figure, values: [count("fail")], unit: "", target: 0, note }));
}
