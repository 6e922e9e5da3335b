/**
 * A plugin host whose main part is a test: both stages of the jail are the true ones. Told over the bridge what to do; answers
 * over it.
 */

import { CFunction, type Pointer } from "bun:ffi";
import { writeSync } from "node:fs";
import { mapPage } from "../../../src/bridge/shared-page.ts";
import { runHostProcess } from "../../../src/host/entry.ts";
import { realmNumber } from "../../../src/ids.ts";
import { cString, libc } from "../../../src/linux/libc.ts";
import type { Surroundings } from "./attempts.ts";

export type Order =
  | { readonly task: "attempts"; readonly around: Surroundings }
  | { readonly task: "work"; readonly databases: string }
  | { readonly task: "reach"; readonly paths: readonly string[] }
  | { readonly task: "opens"; readonly path: string; readonly count: number }
  | { readonly task: "foreign" | "spin" | "wait" | "grow" | "descriptors" };

async function readOrder(): Promise<Order> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of Bun.file(3).stream()) {
    text += decoder.decode(chunk, { stream: true });
    if (text.endsWith("\n")) break;
  }
  const order: Order = JSON.parse(text);
  return order;
}

/** 32-bit getpid by `int 0x80`: another architecture's way into the kernel. */
function foreignCall(): void {
  const page = libc().call("mmap", 0, 4096, 7, 0x22, -1, 0).value;
  const code = new Uint8Array([0xb8, 0x14, 0, 0, 0, 0xcd, 0x80, 0xc3]);
  const { toArrayBuffer } = require("bun:ffi") as typeof import("bun:ffi");
  new Uint8Array(toArrayBuffer(page as Pointer, 0, 4096)).set(code);
  CFunction({ ptr: page as Pointer, args: [], returns: "i32" })();
}

async function answer(value: unknown): Promise<void> {
  let bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(4, bytes));
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1)); // EAGAIN: the pipe is full.
    }
  }
}

const [verb = "", argument = ""] = process.argv.slice(2);
await runHostProcess(verb, argument, async () => {
  const page = mapPage(5);
  const { runAttempts } = await import("./attempts.ts");
  const { runWork } = await import("./work.ts");
  return async () => {
    const order = await readOrder();
    if (order.task === "attempts") await answer(await runAttempts(order.around));
    else if (order.task === "work") await answer(await runWork(order.databases));
    else if (order.task === "reach") await answer(reach(order.paths));
    else if (order.task === "opens") await answer(opens(order.path, order.count));
    else if (order.task === "descriptors") await answer(descriptors());
    else await misbehave(order.task, page);
    process.exit(0);
  };
});

/** For each path: r when it can be read, w when it can be written. */
function reach(paths: readonly string[]): string[] {
  const { accessSync, openSync, closeSync } = require("node:fs") as typeof import("node:fs");
  const may = (path: string, flags: string) => {
    try {
      closeSync(openSync(path, flags));
      accessSync(path);
      return true;
    } catch {
      return false; // Refused.
    }
  };
  return paths.map((path) => `${may(path, "r") ? "r" : "-"}${may(path, "a") ? "w" : "-"}`);
}

/** Microseconds to open and close a file, without Bun's own checks. */
function opens(path: string, count: number): number {
  const kernel = libc();
  const name = cString(path);
  const started = performance.now();
  for (let done = 0; done < count; done++) kernel.call("close", kernel.call("openat", -100, name, 0, 0).value);
  return ((performance.now() - started) * 1000) / count;
}

function descriptors(): string[] {
  const { readdirSync, readlinkSync } = require("node:fs") as typeof import("node:fs");
  return readdirSync("/proc/self/fd").flatMap((name) => {
    try {
      return [`${name} ${readlinkSync(`/proc/self/fd/${name}`)}`];
    } catch {
      return []; // The listing's own descriptor, closed by now.
    }
  });
}

async function misbehave(task: "foreign" | "spin" | "wait" | "grow", page: ReturnType<typeof mapPage>): Promise<void> {
  await answer("started");
  if (task === "foreign") return foreignCall();
  if (task === "wait") return new Promise(() => setInterval(() => page.beat(), 20));
  page.enter(realmNumber(7));
  const kept: Uint8Array[] = [];
  for (;;) {
    if (task === "spin") continue;
    page.beat();
    kept.push(new Uint8Array(1 << 20).fill(1));
  }
}
