// The same four questions for each peer: start, memory each, a call, and whether a hog in native code is stopped. Prints JSON.
import { writeSync } from "node:fs";
import process from "node:process";

const MANY = 30;
const CALLS = 3_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** PSS in MB. */
const memory = (read) => Number(/^Pss:\s+(\d+) kB/m.exec(read("/proc/self/smaps_rollup"))[1]) / 1024;

/** Processor time of all threads, ms. */
function cpu(read) {
  const stat = read("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Work that never ends and runs none of the engine's own instructions; the second for engines that have WebAssembly. */
export const HOGS = {
  array: "[].indexOf.call({ length: 9e15 }, 1)",
  wasm: "new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.of(0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,102,0,0,10,9,1,7,0,3,64,12,0,11,11))).exports.f()",
};

/** The kind of hog is the last argument. */
export const hogOfThisRun = HOGS[process.argv.at(-1)] ?? HOGS.array;

export async function measure({ make, call, hog, end, read }) {
  const held = [await make()];
  await sleep(200);
  const before = memory(read);
  const starts = [];
  for (let n = 0; n < MANY; n++) {
    const started = performance.now();
    held.push(await make());
    starts.push(performance.now() - started);
  }
  await sleep(200);
  const memoryMb = (memory(read) - before) / MANY;
  const calls = [];
  for (let n = 0; n < CALLS; n++) {
    const started = performance.now();
    await call(held[0]);
    if (n >= CALLS / 10) calls.push((performance.now() - started) * 1000);
  }
  const found = { startMs: median(starts), memoryMb, callUs: median(calls), hogStopped: null };
  if (hog === undefined) return tell(found);
  for (const each of held) await end(each);
  const victim = await make();
  hog(victim);
  await sleep(300);
  void end(victim);
  await sleep(300);
  const at = cpu(read);
  await sleep(1000);
  // Whatever still runs uses a whole core.
  tell({ ...found, hogStopped: cpu(read) - at < 500 });
}

function tell(found) {
  writeSync(1, `${JSON.stringify(found)}\n`);
  // An exit would wait for a thread that cannot be stopped.
  process.kill(process.pid, "SIGKILL");
}
