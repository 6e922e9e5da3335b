/** What a jailed host must still be able to do. */
import { Database } from "bun:sqlite";
import { readdirSync, unlinkSync } from "node:fs";
import variant from "@jitl/quickjs-ng-wasmfile-release-sync";
import wasmFile from "@jitl/quickjs-ng-wasmfile-release-sync/wasm" with { type: "file" };
import { newQuickJSWASMModuleFromVariant, newVariant, type QuickJSContext } from "quickjs-emscripten-core";
import type { Outcome } from "./attempts.ts";

type Task = readonly [name: string, run: () => unknown];

/** `refused` means here that it did not work. */
export async function runWork(databases: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [name, run] of tasks(databases)) {
    try {
      const value = await run();
      outcomes.push({ name, refused: value === false, detail: String(value) });
    } catch (thrown) {
      outcomes.push({ name, refused: true, detail: thrown instanceof Error ? `${thrown.message} ${thrown.stack}` : String(thrown) });
    }
  }
  return outcomes;
}

function tasks(databases: string): readonly Task[] {
  const file = `${databases}/plugin.sqlite`;
  return [
    ["SQLite with a rollback journal", () => exercise(file, "delete")],
    ["SQLite with a write-ahead log", () => exercise(file, "wal")],
    ["SQLite in a locked write-ahead log", () => exercise(`${databases}/exclusive.sqlite`, "wal", "exclusive")],
    ["a copy by VACUUM INTO", () => copy(file, `${databases}/copy.sqlite`)],
    ["a refused allocation is an error, not an end", () => hugeBlob(file)],
    ["deleting and listing", () => unlinkSync(`${databases}/copy.sqlite`) ?? !readdirSync(databases).includes("copy.sqlite")],
    ["timers", () => new Promise((resolve) => setTimeout(() => resolve(true), 5))],
    ["hot code", () => hot() > 0],
    ["garbage", garbage],
    ["WebAssembly", async () => (await WebAssembly.compile(await Bun.file(wasmFile).arrayBuffer())) instanceof WebAssembly.Module],
    ["twenty realms", realms],
    ["random numbers and time", () => crypto.getRandomValues(new Uint8Array(4)).length === 4 && Date.now() > 0],
    ["a thread of the engine's pool", async () => (await Bun.file(wasmFile).bytes()).length > 0],
    ["standing empty-handed", () => Object.keys(process.env).length === 0],
  ];
}

function exercise(file: string, journal: string, locking = "normal"): boolean {
  const db = new Database(file, { create: true });
  try {
    for (const pragma of [`locking_mode=${locking}`, `journal_mode=${journal}`, "temp_store=MEMORY"]) db.run(`PRAGMA ${pragma}`);
    db.run("CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b TEXT)");
    const insert = db.prepare("INSERT INTO t (b) VALUES (?)");
    db.transaction(() => {
      for (let count = 0; count < 3000; count++) insert.run(`${count % 97} ${"x".repeat(100)}`);
    })();
    insert.run("alone");
    const { n } = db.query<{ n: number }, []>("SELECT count(*) AS n FROM t").get() ?? { n: 0 };
    const sorted = db.query("SELECT b FROM t ORDER BY b DESC").all().length;
    db.run("DELETE FROM t WHERE a % 2 = 0");
    db.run("VACUUM");
    return n > 3000 && sorted === n;
  } finally {
    db.close();
  }
}

function copy(from: string, to: string): boolean {
  const db = new Database(from);
  db.run(`VACUUM INTO '${to}'`);
  db.close();
  const copied = new Database(to, { readonly: true });
  const { n } = copied.query<{ n: number }, []>("SELECT count(*) AS n FROM t").get() ?? { n: 0 };
  copied.close();
  return n > 0;
}

/** Would take more than a gigabyte at once. */
function hugeBlob(file: string): boolean {
  const db = new Database(file);
  try {
    db.query("SELECT length(replace(hex(zeroblob(300000000)), '0', '00')) AS n").get();
    return false;
  } catch {
    return true; // "out of memory", by the data limit.
  } finally {
    db.close();
  }
}

function hot(): number {
  let sum = 0;
  for (let round = 0; round < 200; round++) for (let at = 0; at < 5000; at++) sum += Math.imul(at, round) % 7;
  return sum;
}

async function garbage(): Promise<boolean> {
  for (let round = 0; round < 10; round++) {
    const kept: object[] = [];
    for (let count = 0; count < 20_000; count++) kept.push({ count, text: `k${count}` });
    Bun.gc(round % 5 === 0);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return true;
}

async function realms(): Promise<boolean> {
  const wasmModule = await WebAssembly.compile(await Bun.file(wasmFile).arrayBuffer());
  const contexts: QuickJSContext[] = [];
  for (let count = 0; count < 20; count++) {
    const wasmMemory = new WebAssembly.Memory({ initial: 256, maximum: 512 });
    const engine = await newQuickJSWASMModuleFromVariant(newVariant(variant, { wasmModule, wasmMemory }));
    contexts.push(engine.newContext());
  }
  return contexts.every((context, index) => {
    const result = context.unwrapResult(context.evalCode(`let s = 0; for (let i = 0; i < 20000; i++) s += i; s + ${index}`));
    return context.getNumber(result) === 199_990_000 + index;
  });
}
