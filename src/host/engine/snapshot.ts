/** A realm's starting point: the sdk evaluated once, its memory copied into each new instance. */
import { GatewayError } from "../../errors.ts";
import { Engine, type Pointers } from "./engine.ts";
import { engineHash, evaluate, HOST_FUNCTION, instantiate, newString, PAGE, QuickJSFFI, STACK_BYTES, silentCallbacks } from "./module.ts";
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
    private readonly fresh: readonly Omit<Run, "data">[],
  ) {}

  /** As text, to be carried in the binary; {@link Snapshot.restore} reads it. */
  async image(): Promise<SnapshotImage> {
    const packed = Bun.zstdCompressSync(Buffer.concat(this.runs.map(({ data }) => data)), { level: 19 });
    const places = (runs: readonly Omit<Run, "data">[]) => runs.map(({ at, length }) => [at, length] as const);
    const { pointers } = this;
    return { engine: await engineHash(), pointers, fresh: places(this.fresh), runs: places(this.runs), data: packed.toBase64() };
  }

  /** The snapshot of an image; null when another build of the engine made it. */
  static async restore({ engine, pointers, fresh, runs, data }: SnapshotImage): Promise<Snapshot | null> {
    if (engine !== (await engineHash())) return null;
    const bytes = Bun.zstdDecompressSync(Buffer.from(data, "base64"));
    let next = 0;
    const restored = runs.map(([at, length]) => {
      const start = next;
      next += length;
      return { at, length, data: bytes.subarray(start, next) };
    });
    return new Snapshot(
      pointers,
      bytes.length,
      restored,
      fresh.map(([at, length]) => ({ at, length })),
    );
  }

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
    for (const run of this.fresh) bytes.fill(0, run.at, run.at + run.length);
    for (const run of this.runs) bytes.set(run.data, run.at);
    return new Engine({ module, memory, pointers: this.pointers, memoryMb, host });
  }
}

/** A snapshot as JSON: places are offset and length in the instance's memory. */
export interface SnapshotImage {
  /** The hash of the engine that made it: in another one every pointer would be wrong. */
  readonly engine: string;
  readonly pointers: Pointers;
  readonly fresh: readonly (readonly [at: number, length: number])[];
  readonly runs: readonly (readonly [at: number, length: number])[];
  /** The bytes of all runs, compressed, in base64. */
  readonly data: string;
}

interface Run {
  readonly at: number;
  readonly length: number;
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
      runs.push({ at: start, length: at - start, data: memory.slice(start, at) });
      start = -1;
    }
  }
  return runs;
}
