/** The same work with nothing around it, measured in the same run: what the machine gives today. */
import { Database } from "bun:sqlite";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { percentile } from "./system.ts";

const BYTES = new Uint8Array(100);

/** Milliseconds of one. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

async function rounds(count: number, once: () => Promise<unknown>): Promise<Spread> {
  const took: number[] = [];
  for (let round = 0; round < count + 100; round++) {
    const started = performance.now();
    await once();
    if (round >= 100) took.push(performance.now() - started);
  }
  return { p50: percentile(took, 0.5), p99: percentile(took, 0.99) };
}

/** From start to end of a process without any code. */
export async function emptyProcess(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "zg-bench-"));
  writeFileSync(join(folder, "empty.ts"), "");
  const { p50 } = await rounds(
    10,
    () => Bun.spawn([process.execPath, join(folder, "empty.ts")], { stdio: ["ignore", "ignore", "ignore"] }).exited,
  );
  rmSync(folder, { recursive: true });
  return p50;
}

const WAITING = `await Bun.connect({ hostname: "127.0.0.1", port: Number(process.argv[2]), socket: { data() {} } }); console.log("up");`;

/** Two empty processes of Bun, each with one silent connection: what a gateway and its plugin host cannot be below. */
export interface EmptyProcesses {
  readonly pids: readonly number[];
  close(): Promise<void>;
}

/** From a copy of Bun, because pages are shared by file: the bench itself would carry a part of the memory. */
export async function emptyProcesses(): Promise<EmptyProcesses> {
  const folder = mkdtempSync(join(tmpdir(), "zg-bench-"));
  const program = join(folder, "bun");
  copyFileSync(process.execPath, program);
  writeFileSync(join(folder, "waiting.ts"), WAITING);
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const start = () =>
    Bun.spawn([program, join(folder, "waiting.ts"), String(server.port)], { stdin: "ignore", stdout: "pipe", stderr: "inherit", env: {} });
  const children = [start(), start()];
  for (const child of children) await child.stdout.getReader().read();
  return {
    pids: children.map(({ pid }) => pid),
    async close() {
      for (const child of children) child.kill();
      await Promise.all(children.map(({ exited }) => exited));
      server.stop(true);
      rmSync(folder, { recursive: true });
    },
  };
}

/** 100 bytes through a pipe to another process, which sends them back through another. */
export async function pipeEcho(count: number): Promise<Spread> {
  const child = Bun.spawn(["cat"], { stdin: "pipe", stdout: "pipe" });
  const reader = child.stdout.getReader();
  const spread = await rounds(count, async () => {
    child.stdin.write(BYTES);
    void child.stdin.flush();
    for (let got = 0; got < BYTES.length; ) got += (await reader.read()).value?.length ?? BYTES.length;
  });
  child.kill();
  await child.exited;
  return spread;
}

const RELAY = `
const child = Bun.spawn(["cat"], { stdin: "pipe", stdout: "pipe" });
const reader = child.stdout.getReader();
let client;
const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: {
  open(socket) { client = socket; socket.setNoDelay(true); },
  data(_, bytes) { child.stdin.write(bytes); child.stdin.flush(); },
  close() { child.kill(); process.exit(0); },
} });
console.log(server.port);
for (;;) { const { value, done } = await reader.read(); if (done) break; client.write(value); }
`;

/** A command's way without a gateway on it: a loopback connection to a process, a pipe from there to another, and back. */
export async function relayEcho(count: number): Promise<Spread> {
  const child = Bun.spawn([process.execPath, "-e", RELAY], { stdin: "ignore", stdout: "pipe" });
  const first = await child.stdout.getReader().read();
  const port = Number(new TextDecoder().decode(first.value));
  let arrived: () => void = () => {};
  let missing = 0;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, bytes) {
        missing -= bytes.length;
        if (missing <= 0) arrived();
      },
    },
  });
  socket.setNoDelay(true);
  const spread = await rounds(count, () => {
    missing = BYTES.length;
    const { promise, resolve } = Promise.withResolvers<void>();
    arrived = resolve;
    socket.write(BYTES);
    return promise;
  });
  socket.end();
  await child.exited;
  return spread;
}

/** A message to a Worker, which has all the program's authority, and back. */
export async function workerEcho(count: number): Promise<Spread> {
  const source = URL.createObjectURL(new Blob(["onmessage = ({ data }) => postMessage(data);"], { type: "application/javascript" }));
  const worker = new Worker(source);
  let arrived: () => void = () => {};
  worker.onmessage = () => arrived();
  const spread = await rounds(count, () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    arrived = resolve;
    worker.postMessage({ text: "b0 hello", from: 2 });
    return promise;
  });
  worker.terminate();
  URL.revokeObjectURL(source);
  return spread;
}

/** A stored and a fetched value a round, each a commit of its own, as storeData and retrieveData. Rounds a second. */
export function rawStorage(count: number): number {
  const folder = mkdtempSync(join(tmpdir(), "zg-bench-"));
  const database = new Database(join(folder, "raw.db"));
  for (const pragma of ["journal_mode=WAL", "synchronous=NORMAL"]) database.run(`PRAGMA ${pragma}`);
  database.run("CREATE TABLE data (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER) WITHOUT ROWID");
  const put = database.query("INSERT OR REPLACE INTO data VALUES (?, ?, NULL)");
  const get = database.query<{ value: string }, [string]>("SELECT value, expires_at FROM data WHERE key = ?");
  const started = performance.now();
  for (let round = 0; round < count; round++) {
    put.run(`key${round % 100}`, JSON.stringify({ round, text: "a value" }));
    JSON.parse(get.get(`key${round % 100}`)?.value ?? "null");
  }
  const took = performance.now() - started;
  database.close();
  rmSync(folder, { recursive: true });
  return (count * 1000) / took;
}
