/** A realm's starting point: the sdk evaluated once, its memory copied into each new instance. */
import { GatewayError } from "../../errors.ts";
import { Engine, type Pointers } from "./engine.ts";
import { evaluate, HOST_FUNCTION, instantiate, newString, PAGE, QuickJSFFI, STACK_BYTES, silentCallbacks } from "./module.ts";
import type { Entry, HostFunction } from "./realm-engine.ts";

/** What the engine's own statics, stack and heap start with: below this no instance can be made. */
const INITIAL_PAGES = 256;
const ALL_INTRINSICS = 0 as Parameters<QuickJSFFI["QTS_NewContext"]>[1];

/** The memory of an instance in which the sdk has been evaluated, and where everything is in it. */
export class Snapshot {
  private constructor(
    readonly pointers: Pointers,
    readonly bytes: number,
    private readonly runs: readonly Run[],
    private readonly fresh: readonly Run[],
  ) {}

  /**
   * Evaluates ES modules in order; each can import those before it by its name. The last must leave an object with
   * {@link ENTRIES} on the global `__zephyrgate`, which the prelude finds there as its function to call out.
   */
  static async take(modules: readonly (readonly [name: string, source: string])[]): Promise<Snapshot> {
    const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: INITIAL_PAGES });
    const module = await instantiate(memory);
    const fresh = nonZeroRuns(new Uint8Array(memory.buffer));
    const ffi = new QuickJSFFI(module);
    const runtime = ffi.QTS_NewRuntime();
    const context = ffi.QTS_NewContext(runtime, ALL_INTRINSICS);
    ffi.QTS_RuntimeSetMaxStackSize(runtime, STACK_BYTES);
    ffi.QTS_RuntimeEnableInterruptHandler(runtime);
    module.callbacks = silentCallbacks;
    const key = newString(module, ffi, context, "__zephyrgate");
    const global = ffi.QTS_GetGlobalObject(context);
    const out = ffi.QTS_NewFunction(context, "host", 2, false, HOST_FUNCTION as Parameters<QuickJSFFI["QTS_NewFunction"]>[4]);
    ffi.QTS_SetProp(context, global, key, out);
    for (const [name, source] of modules) {
      const error = evaluate({ module, ffi, context }, name, source).error;
      if (error !== null) throw new GatewayError("internal", `The sdk does not evaluate: ${error}`, { where: name });
    }
    const held = ffi.QTS_GetProp(context, global, key);
    const entry = (name: Entry) => ffi.QTS_GetProp(context, held, newString(module, ffi, context, name));
    const entries = { deliver: entry("deliver"), adopt: entry("adopt"), describe: entry("describe") };
    const gone = evaluate({ module, ffi, context }, "zephyrgate:forget", "delete globalThis.__zephyrgate;").error;
    if (gone !== null) throw new GatewayError("internal", `The sdk does not start: ${gone}`);
    const runs = nonZeroRuns(new Uint8Array(memory.buffer));
    const bytes = runs.reduce((sum, run) => sum + run.data.length, 0);
    return new Snapshot({ runtime, context, entries }, bytes, runs, fresh);
  }

  /**
   * A new instance in the snapshot's state. `memoryMb` caps all its memory; under 16 the JavaScript heap alone is capped
   * lower. `now` is what Date reads, ms since 1970; the system's clock when absent.
   */
  async instance(memoryMb: number, host: HostFunction, now?: () => number): Promise<Engine> {
    const maximum = Math.max(INITIAL_PAGES, Math.ceil((memoryMb * 1024 * 1024) / PAGE));
    const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum });
    const module = await instantiate(memory, now);
    const bytes = new Uint8Array(memory.buffer);
    // What instantiation writes itself, the same every time, and the snapshot may have as zero.
    for (const run of this.fresh) bytes.fill(0, run.at, run.at + run.data.length);
    for (const run of this.runs) bytes.set(run.data, run.at);
    return new Engine({ module, memory, pointers: this.pointers, memoryMb, host });
  }
}

interface Run {
  readonly at: number;
  readonly data: Uint8Array;
}

const BLOCK = 4096;
const ZEROES = Buffer.alloc(BLOCK);

/** Runs of non-zero 4 KB blocks. */
function nonZeroRuns(memory: Uint8Array): Run[] {
  const bytes = Buffer.from(memory.buffer, memory.byteOffset, memory.length);
  const runs: Run[] = [];
  let start = -1;
  for (let at = 0; at <= bytes.length; at += BLOCK) {
    const used = at < bytes.length && !bytes.subarray(at, at + BLOCK).equals(ZEROES);
    if (used && start < 0) start = at;
    if (!used && start >= 0) {
      runs.push({ at: start, data: memory.slice(start, at) });
      start = -1;
    }
  }
  return runs;
}
