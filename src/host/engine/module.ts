/** QuickJS-NG in WebAssembly: loading it, and the few moves that the engine and its snapshot share. */
import load from "@jitl/quickjs-ng-wasmfile-release-sync/emscripten-module";
import { QuickJSFFI } from "@jitl/quickjs-ng-wasmfile-release-sync/ffi";
import wasm from "@jitl/quickjs-ng-wasmfile-release-sync/wasm" with { type: "file" };
import { GatewayError } from "../../errors.ts";

type Imports = NonNullable<ConstructorParameters<typeof WebAssembly.Instance>[1]>;
export type Module = Awaited<ReturnType<typeof load>>;
export type Value = ReturnType<QuickJSFFI["QTS_NewFloat64"]>;
export type Context = Parameters<QuickJSFFI["QTS_NewFloat64"]>[0];
export type Runtime = Parameters<QuickJSFFI["QTS_FreeRuntime"]>[0];

export { QuickJSFFI };

export const PAGE = 65536;
/** About 500 frames. With more, deeply nested JSON exhausts the native stack before the engine sees it, which ends the realm. */
export const STACK_BYTES = 96 * 1024;
export const HOST_FUNCTION = 1;
const MODULE = 1;

let code: Promise<ArrayBuffer> | null = null;
let compiled: Promise<WebAssembly.Module> | null = null;

function readCode(): Promise<ArrayBuffer> {
  code ??= Bun.file(wasm).arrayBuffer();
  return code;
}

function compile(): Promise<WebAssembly.Module> {
  compiled ??= readCode().then((bytes) => WebAssembly.compile(bytes));
  return compiled;
}

/** Names this build of the engine. */
export async function engineHash(): Promise<string> {
  return new Bun.CryptoHasher("sha256").update(await readCode()).digest("hex");
}

export async function instantiate(memory: WebAssembly.Memory, now?: () => number): Promise<Module> {
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

export class OutOfMemory extends GatewayError {
  constructor() {
    super("realm_gone", "The realm has no memory left");
  }
}

const encoder = new TextEncoder();

/** `text` must hold no NUL and no lone surrogate: JSON has neither. */
export function newString(module: Module, ffi: QuickJSFFI, context: Context, text: string): Value {
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

/** What it takes to run code in an instance. */
export interface Instance {
  readonly module: Module;
  readonly ffi: QuickJSFFI;
  readonly context: Context;
}

/** Evaluates an ES module under a name. `thrown` is null when it went well; `error` puts it into words when read. */
export function evaluate({ module, ffi, context }: Instance, name: string, source: string) {
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

export const silentCallbacks: Module["callbacks"] = {
  freeHostRef: () => {},
  callFunction: () => 0 as Value,
  loadModuleSource: () => 0 as ReturnType<Module["callbacks"]["loadModuleSource"]> as never,
  normalizeModule: () => 0 as ReturnType<Module["callbacks"]["normalizeModule"]> as never,
  shouldInterrupt: () => 0,
};
