/**
 * The JavaScript engine of realms: one QuickJS-NG instance with its own memory each. This file, module.ts
 * and snapshot.ts are the only ones that know it.
 */
import {
  type Context,
  evaluate,
  HOST_FUNCTION,
  type Module,
  newString,
  OutOfMemory,
  PAGE,
  QuickJSFFI,
  type Runtime,
  STACK_BYTES,
  silentCallbacks,
  type Value,
} from "./module.ts";
import type { Entry, HostFunction, Ran, RealmEngine } from "./realm-engine.ts";

const NOTHING = 0 as Value;

/** Where everything is in an instance's memory. */
export interface Pointers {
  readonly runtime: Runtime;
  readonly context: Context;
  readonly entries: Readonly<Record<Entry, Value>>;
}

export interface EngineDeps {
  readonly module: Module;
  readonly memory: WebAssembly.Memory;
  readonly pointers: Pointers;
  /** Of all its memory; under 16 the JavaScript heap alone is limited. */
  readonly memoryMb: number;
  readonly host: HostFunction;
}

/** One instance. Dropping it is its disposal: nothing in it is ever freed. */
export class Engine implements RealmEngine {
  readonly #module: Module;
  readonly #memory: WebAssembly.Memory;
  readonly #ffi: QuickJSFFI;
  readonly #at: Pointers;
  readonly #jobContext: number;
  #deadline: () => boolean = () => false;
  #interrupted = false;
  #fault: unknown = null;
  #dead: string | null = null;

  constructor({ module, memory, pointers: at, memoryMb, host }: EngineDeps) {
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
      callFunction: (...[, context, , count, values, id]) => {
        if (context !== at.context || id !== HOST_FUNCTION || count < 2) return NOTHING;
        return this.#callOut(values, host);
      },
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
      const { value, thrown } = evaluate({ module: this.#module, ffi: this.#ffi, context: this.#at.context }, name, source);
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
      return this.#interrupted ? { ok: false, kind: "interrupted", text: ran.text ?? "" } : ran;
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
    if (this.#interrupted) return { ok: false, kind: "interrupted", text: this.#stackOf(thrown) };
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

  /** Where the run was cut short. Nothing of the plugin's runs for it: every function is interrupted at once. */
  #stackOf(thrown: Value): string {
    const key = newString(this.#module, this.#ffi, this.#at.context, "stack");
    const stack = this.#ffi.QTS_GetProp(this.#at.context, thrown, key);
    const text = this.#text(stack);
    for (const value of [stack, key, thrown]) this.#free(value);
    return text.slice(0, MAX_STACK);
  }

  #callOut(values: number, host: HostFunction): Value {
    const list = values as Parameters<QuickJSFFI["QTS_ArgvGetJSValueConstPointer"]>[0];
    const operation = this.#ffi.QTS_GetFloat64(this.#at.context, this.#ffi.QTS_ArgvGetJSValueConstPointer(list, 0));
    const text = this.#text(this.#ffi.QTS_ArgvGetJSValueConstPointer(list, 1));
    try {
      const answer = host(operation, text);
      if (answer === undefined) return NOTHING;
      return typeof answer === "string" ? newString(this.#module, this.#ffi, this.#at.context, answer) : this.#bytes(answer);
    } catch (thrown) {
      // Nothing may unwind through the engine's frames: stop it first, and end the instance after.
      this.#fault = thrown;
      this.#interrupted = true;
      return NOTHING;
    }
  }

  /** As an ArrayBuffer of the realm's own, which the engine frees. */
  #bytes(bytes: Uint8Array): Value {
    const at = this.#module._malloc(Math.max(1, bytes.length));
    if (at === 0) throw new OutOfMemory();
    this.#module.HEAPU8.set(bytes, at);
    return this.#ffi.QTS_NewArrayBuffer(this.#at.context, at as Parameters<QuickJSFFI["QTS_NewArrayBuffer"]>[1], bytes.length);
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

/** Characters of the place where a run was cut short. */
const MAX_STACK = 4000;
const utf8 = new TextDecoder();
