/**
 * The JavaScript engine of realms: QuickJS-NG in WebAssembly, one instance with its own memory each. The only file that
 * knows it. Instances start from a snapshot: the sdk is evaluated once, its memory copied into each new instance.
 */
import load from "@jitl/quickjs-ng-wasmfile-release-sync/emscripten-module";
import { QuickJSFFI } from "@jitl/quickjs-ng-wasmfile-release-sync/ffi";
import wasm from "@jitl/quickjs-ng-wasmfile-release-sync/wasm" with { type: "file" };
import { GatewayError } from "../errors.ts";

type Imports = NonNullable<ConstructorParameters<typeof WebAssembly.Instance>[1]>;
type Module = Awaited<ReturnType<typeof load>>;
type Value = ReturnType<QuickJSFFI["QTS_NewFloat64"]>;
type Context = Parameters<QuickJSFFI["QTS_NewFloat64"]>[0];
type Runtime = Parameters<QuickJSFFI["QTS_FreeRuntime"]>[0];

const PAGE = 65536;
/** What the engine's own statics, stack and heap start with: below this no instance can be made. */
const INITIAL_PAGES = 256;
/** Of the engine's 1 MB or so of stack: deep recursion throws a RangeError well before the end. */
const STACK_BYTES = 96 * 1024;
const MODULE = 1;
const ALL_INTRINSICS = 0 as Parameters<QuickJSFFI["QTS_NewContext"]>[1];
const HOST_FUNCTION = 1;

/** One function of the realm's prelude per way in. */
export const ENTRIES = ["deliver", "adopt", "describe"] as const;
export type Entry = (typeof ENTRIES)[number];

/** The realm calls out with an operation number and a text; undefined, or a text comes back. Must not throw. */
export type HostFunction = (operation: number, text: string) => string | undefined;

export type Ran =
  | { readonly ok: true; readonly text: string | null }
  | { readonly ok: false; readonly kind: "threw" | "interrupted" | "memory"; readonly text: string }
  | { readonly ok: false; readonly kind: "dead"; readonly text: string };

interface Pointers {
  readonly runtime: Runtime;
  readonly context: Context;
  readonly entries: Readonly<Record<Entry, Value>>;
}

let compiled: Promise<WebAssembly.Module> | null = null;

function compile(): Promise<WebAssembly.Module> {
  compiled ??= Bun.file(wasm)
    .arrayBuffer()
    .then((bytes) => WebAssembly.compile(bytes));
  return compiled;
}

async function instantiate(memory: WebAssembly.Memory, now?: () => number): Promise<Module> {
  const code = await compile();
  const quiet = () => {};
  return await load({
    wasmMemory: memory,
    instantiateWasm(imports: Imports, onSuccess: (instance: WebAssembly.Instance) => void) {
      const instance = new WebAssembly.Instance(code, now === undefined ? imports : withClock(imports, memory, now));
      onSuccess(instance);
      return instance.exports;
    },
    ...{ print: quiet, printErr: quiet, thisProgram: "realm" },
  });
}

/** The engine's imports with another wall clock. Their names are minified, so those that read the clock are known by their text. */
function withClock(imports: Imports, memory: WebAssembly.Memory, now: () => number): Imports {
  const changed: Imports = {};
  for (const [module, functions] of Object.entries(imports)) {
    changed[module] = { ...functions };
    for (const [name, held] of Object.entries(functions)) {
      if (typeof held !== "function" || !String(held).includes("Date.now")) continue;
      const real = held as (...args: unknown[]) => unknown;
      // WASI's clock_time_get(clock, precision, pointer), and a function without arguments that gives milliseconds.
      changed[module][name] = (...args: unknown[]) => {
        if (args.length === 0) return now();
        const answer = real(...args);
        if (args[0] === 0) new DataView(memory.buffer).setBigUint64(Number(args[2]) >>> 0, BigInt(Math.round(now() * 1e6)), true);
        return answer;
      };
    }
  }
  return changed;
}

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
      const error = evaluate(module, ffi, context, name, source).error;
      if (error !== null) throw new GatewayError("internal", `The sdk does not evaluate: ${error}`, { where: name });
    }
    const held = ffi.QTS_GetProp(context, global, key);
    const entry = (name: Entry) => ffi.QTS_GetProp(context, held, newString(module, ffi, context, name));
    const entries = { deliver: entry("deliver"), adopt: entry("adopt"), describe: entry("describe") };
    const gone = evaluate(module, ffi, context, "zephyrgate:forget", "delete globalThis.__zephyrgate;").error;
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
    return new Engine(module, memory, this.pointers, memoryMb, host);
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

/** One instance. Dropping it is its disposal: nothing in it is ever freed. */
export class Engine {
  readonly #module: Module;
  readonly #memory: WebAssembly.Memory;
  readonly #ffi: QuickJSFFI;
  readonly #at: Pointers;
  readonly #jobContext: number;
  #deadline: () => boolean = () => false;
  #interrupted = false;
  #fault: unknown = null;
  #dead: string | null = null;

  constructor(module: Module, memory: WebAssembly.Memory, at: Pointers, memoryMb: number, host: HostFunction) {
    this.#module = module;
    this.#memory = memory;
    this.#ffi = new QuickJSFFI(module);
    this.#at = at;
    module.callbacks = {
      ...silentCallbacks,
      shouldInterrupt: () => {
        if (!this.#interrupted && !this.#deadline()) return 0;
        this.#interrupted = true;
        return 1;
      },
      callFunction: (_asyncify, context, _self, count, values, id) => this.#callOut(context, count, values, id, host),
    };
    this.#jobContext = module._malloc(8);
    this.#ffi.QTS_RuntimeSetMaxStackSize(at.runtime, STACK_BYTES);
    if (memoryMb < 16) this.#ffi.QTS_RuntimeSetMemoryLimit(at.runtime, memoryMb * 1024 * 1024);
  }

  /** Why it can run nothing any more. */
  get dead(): string | null {
    return this.#dead;
  }

  /** Bytes of linear memory that it holds, used or not. */
  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** True while jobs (promise reactions, microtasks) wait. */
  get hasJobs(): boolean {
    return this.#dead === null && this.#ffi.QTS_IsJobPending(this.#at.runtime) !== 0;
  }

  /** Calls an entry of the prelude with a text. `expired` is asked every few thousand instructions; true cuts the run short. */
  call(entry: Entry, text: string, expired: () => boolean): Ran {
    return this.#run(expired, () => {
      const argument = newString(this.#module, this.#ffi, this.#at.context, text);
      const result = this.#callEntry(entry, argument);
      this.#free(argument);
      return this.#outcome(result);
    });
  }

  /** Evaluates the plugin's module and hands its namespace (or the promise of it) to `adopt`. */
  load(name: string, source: string, expired: () => boolean): Ran {
    return this.#run(expired, () => {
      const { value, thrown } = evaluate(this.#module, this.#ffi, this.#at.context, name, source);
      if (thrown !== null) return this.#failure(thrown);
      const result = this.#callEntry("adopt", value);
      this.#free(value);
      return this.#outcome(result);
    });
  }

  /** Runs at most `count` jobs; `text` is how many ran. */
  runJobs(count: number, expired: () => boolean): Ran {
    return this.#run(expired, () => {
      const result = this.#ffi.QTS_ExecutePendingJob(this.#at.runtime, count, this.#jobContext as Context);
      const ran = this.#ffi.QTS_GetFloat64(this.#at.context, result);
      if (Number.isNaN(ran)) return this.#failure(result);
      this.#free(result);
      return { ok: true, text: String(ran) };
    });
  }

  /** Whether `bytes` can still be had; false means that the realm is about to fail everywhere. */
  hasRoom(bytes: number): boolean {
    if (this.#dead !== null) return false;
    const at = this.#module._malloc(bytes);
    if (at === 0) return false;
    this.#module._free(at);
    return true;
  }

  /** Bytes of the JavaScript heap in use. Walks all of it: not for every turn. */
  heapBytes(): number {
    const ran = this.#run(
      () => false,
      () => {
        const usage = this.#ffi.QTS_RuntimeComputeMemoryUsage(this.#at.runtime, this.#at.context);
        const key = newString(this.#module, this.#ffi, this.#at.context, "memory_used_size");
        const size = this.#ffi.QTS_GetProp(this.#at.context, usage, key);
        const bytes = this.#ffi.QTS_GetFloat64(this.#at.context, size);
        for (const value of [size, key, usage]) this.#free(value);
        return { ok: true, text: String(bytes) };
      },
    );
    return ran.ok ? Number(ran.text) : 0;
  }

  #run(expired: () => boolean, work: () => Ran): Ran {
    if (this.#dead !== null) return { ok: false, kind: "dead", text: this.#dead };
    this.#deadline = expired;
    this.#interrupted = false;
    try {
      const ran = work();
      if (this.#fault !== null) throw this.#fault;
      // A cut inside a promise job comes back as that promise's rejection, so the flag says it, not the outcome.
      return this.#interrupted ? { ok: false, kind: "interrupted", text: "" } : ran;
    } catch (thrown) {
      // A trap, an exhausted native stack or a failed allocation of ours: the instance's state is unknown from here on.
      this.#dead =
        thrown instanceof OutOfMemory ? "out of memory" : `the engine aborted: ${thrown instanceof Error ? thrown.message : "?"}`;
      return { ok: false, kind: "dead", text: this.#dead };
    }
  }

  #callEntry(entry: Entry, argument: Value): Value {
    const list = this.#module._malloc(4);
    if (list === 0) throw new OutOfMemory();
    new DataView(this.#memory.buffer).setUint32(list, argument, true);
    const undefinedValue = this.#ffi.QTS_GetUndefined();
    const values = list as Parameters<QuickJSFFI["QTS_Call"]>[4];
    const result = this.#ffi.QTS_Call(this.#at.context, this.#at.entries[entry], undefinedValue, 1, values);
    this.#module._free(list);
    return result;
  }

  #outcome(result: Value): Ran {
    const thrown = this.#ffi.QTS_ResolveException(this.#at.context, result);
    if (thrown !== 0) return this.#failure(thrown);
    const text = this.#text(result);
    this.#free(result);
    return { ok: true, text: text === "undefined" ? null : text };
  }

  /** Has the realm itself put the error into words, under the same deadline; its getters are the plugin's code. */
  #failure(thrown: Value): Ran {
    if (this.#interrupted) return { ok: false, kind: "interrupted", text: "" };
    const words = this.#callEntry("describe", thrown);
    this.#free(thrown);
    const again = this.#ffi.QTS_ResolveException(this.#at.context, words);
    if (again !== 0) {
      this.#free(again);
      const roomy = this.hasRoom(PAGE);
      return { ok: false, kind: roomy ? "threw" : "memory", text: '{"name":"Error","message":"an error that cannot be described"}' };
    }
    const text = this.#text(words);
    this.#free(words);
    return { ok: false, kind: text.includes('"message":"out of memory"') ? "memory" : "threw", text };
  }

  #callOut(context: number, count: number, values: number, id: number, host: HostFunction): Value {
    const nothing = 0 as Value;
    if (context !== this.#at.context || id !== HOST_FUNCTION || count < 2) return nothing;
    const list = values as Parameters<QuickJSFFI["QTS_ArgvGetJSValueConstPointer"]>[0];
    const operation = this.#ffi.QTS_GetFloat64(this.#at.context, this.#ffi.QTS_ArgvGetJSValueConstPointer(list, 0));
    const text = this.#text(this.#ffi.QTS_ArgvGetJSValueConstPointer(list, 1));
    try {
      const answer = host(operation, text);
      return answer === undefined ? nothing : newString(this.#module, this.#ffi, this.#at.context, answer);
    } catch (thrown) {
      // Nothing may unwind through the engine's frames: stop it first, and end the instance after.
      this.#fault = thrown;
      this.#interrupted = true;
      return nothing;
    }
  }

  #text(value: Parameters<QuickJSFFI["QTS_GetString"]>[1]): string {
    const at = this.#ffi.QTS_GetString(this.#at.context, value);
    if (at === 0) return "";
    const bytes = new Uint8Array(this.#memory.buffer);
    const text = utf8.decode(bytes.subarray(at, bytes.indexOf(0, at)));
    this.#ffi.QTS_FreeCString(this.#at.context, at);
    return text;
  }

  #free(value: Value): void {
    this.#ffi.QTS_FreeValuePointer(this.#at.context, value);
  }
}

class OutOfMemory extends GatewayError {
  constructor() {
    super("realm_gone", "The realm has no memory left");
  }
}

const utf8 = new TextDecoder();
const encoder = new TextEncoder();

/** `text` must hold no NUL and no lone surrogate: JSON has neither. */
function newString(module: Module, ffi: QuickJSFFI, context: Context, text: string): Value {
  const at = copyText(module, text).at;
  const value = ffi.QTS_NewString(context, at as Parameters<QuickJSFFI["QTS_NewString"]>[1]);
  module._free(at);
  return value;
}

function copyText(module: Module, text: string): { at: number; length: number } {
  const bytes = encoder.encode(text);
  const at = module._malloc(bytes.length + 1);
  if (at === 0) throw new OutOfMemory();
  module.HEAPU8.set(bytes, at);
  module.HEAPU8[at + bytes.length] = 0;
  return { at, length: bytes.length };
}

function evaluate(module: Module, ffi: QuickJSFFI, context: Context, name: string, source: string) {
  const { at, length } = copyText(module, source);
  const code = at as Parameters<QuickJSFFI["QTS_Eval"]>[1];
  const plain = 0 as Parameters<QuickJSFFI["QTS_Eval"]>[4];
  const value = ffi.QTS_Eval(context, code, length, name, plain, MODULE as Parameters<QuickJSFFI["QTS_Eval"]>[5]);
  module._free(at);
  const thrown = ffi.QTS_ResolveException(context, value);
  if (thrown === 0) return { value, thrown: null, error: null };
  return {
    value,
    thrown,
    get error() {
      return module.UTF8ToString(ffi.QTS_Dump(context, thrown));
    },
  };
}

const silentCallbacks: Module["callbacks"] = {
  freeHostRef: () => {},
  callFunction: () => 0 as Value,
  loadModuleSource: () => 0 as ReturnType<Module["callbacks"]["loadModuleSource"]> as never,
  normalizeModule: () => 0 as ReturnType<Module["callbacks"]["normalizeModule"]> as never,
  shouldInterrupt: () => 0,
};
