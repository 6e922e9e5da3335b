import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/clock.ts";
import { realmNumber } from "../../src/ids.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { type Launched, type LaunchOptions, launchHost, sourceFolders } from "../../src/sandbox/process-launch.ts";
import { readLines } from "../../src/sandbox/process-output.ts";
import { supervise } from "../../src/sandbox/process-supervise.ts";
import { BUILDERS } from "../host/jail/builders.ts";
import { endHost, launchTest, order, reply, testEntry } from "../host/jail/host.ts";

const linux = process.platform === "linux";
const folder = mkdtempSync(`${tmpdir()}/zephyrgate-process-`);
const databases = `${folder}/databases`;
mkdirSync(databases);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const options = { databases: [databases], allowMissing: [], log: silentLogger, clock: systemClock };
const supervised = (host: Launched, maxMb = 512) =>
  supervise(host, { clock: systemClock, log: silentLogger, maxBytes: () => maxMb * 2 ** 20 });

async function until(done: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!done()) {
    if (Date.now() > deadline) throw new Error(`not in 20 s: ${what}`);
    await Bun.sleep(20);
  }
}

/** Neither running nor a zombie that nobody has reaped. */
const gone = (pid: number) => !existsSync(`/proc/${pid}`);

describe.if(linux).each([...BUILDERS])("a plugin host, its files walled off by %s", (builder) => {
  const walled: Partial<LaunchOptions> = { fileWalls: [builder] };
  test("that hangs in native code is killed, its realm is named, and nothing of it is left", async () => {
    const host = await launchTest(databases, walled);
    const watch = supervised(host);
    const started = reply(host);
    order(host, { task: "spin" });
    expect(await started).toBe("started");
    expect(await watch.exited).toEqual({ reason: "watchdog", culprit: realmNumber(7), detail: expect.stringContaining("processor time") });
    expect(gone(host.process.pid)).toBe(true);
    await endHost(host);
  }, 120_000);

  test("that grows without end is killed", async () => {
    const host = await launchTest(databases, { ...walled, limits: { dataMb: 4096 } });
    const watch = supervised(host, 300);
    order(host, { task: "grow" });
    expect(await watch.exited).toEqual({
      reason: "memory",
      culprit: realmNumber(7),
      detail: expect.stringContaining("300 MB are allowed"),
    });
    await endHost(host);
  }, 120_000);

  test("that crashes is a crash, one that is told to end is not", async () => {
    const crashed = await launchTest(databases, walled);
    const watch = supervised(crashed);
    crashed.process.kill("SIGSEGV");
    expect(await watch.exited).toMatchObject({ reason: "crashed", detail: "signal SIGSEGV" });
    const waiting = await launchTest(databases, walled);
    const second = supervised(waiting);
    order(waiting, { task: "wait" });
    expect(await second.expectEnd(50)).toEqual({ reason: "stopped", detail: "stopped", culprit: null });
    for (const host of [crashed, waiting]) await endHost(host);
  }, 120_000);

  test("does not outlive a gateway that is killed", async () => {
    const script = fileURLToPath(new URL("../host/jail/orphan.ts", import.meta.url));
    const gateway = Bun.spawn([process.execPath, script, databases, builder], { stdio: ["ignore", "pipe", "inherit"] });
    const { value } = await gateway.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    expect(pid).toBeGreaterThan(1);
    expect(gone(pid)).toBe(false);
    gateway.kill("SIGKILL");
    await gateway.exited;
    await until(() => gone(pid) || readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "), "the orphan's end");
  }, 120_000);

  test("whose gateway has ended before it looked ends too", async () => {
    const plan = {
      parent: 1,
      next: ["/bin/true"],
      readable: [],
      databases: [],
      files: { builder: "landlock" },
      allowMissing: [],
      dataBytes: 1,
      fileBytes: 1,
      openFiles: 64,
    };
    const child = Bun.spawn([process.execPath, testEntry.main, "__host", JSON.stringify(plan)], { stdio: ["ignore", "pipe", "ignore"] });
    expect(await child.exited).toBe(1);
    expect(await new Response(child.stdout).text()).toBe("");
  }, 120_000);

  test("gets the walls as an ordinary user, too", async () => {
    const root = process.getuid?.() === 0;
    const script = fileURLToPath(new URL("../host/jail/ordinary.ts", import.meta.url));
    const child = Bun.spawn([process.execPath, script, databases, builder], { stdio: ["ignore", "pipe", "inherit"] });
    const said = JSON.parse(await new Response(child.stdout).text());
    expect(said.uid).toBe(root ? 65534 : process.getuid?.());
    expect(said.error).toBeUndefined();
    expect(said.walls).toHaveLength(8);
    expect(said.refused).toEqual([]);
  }, 120_000);

  test("that says rubbish, nothing, or too much at its start is a clear error", async () => {
    const readable = [...sourceFolders(), folder];
    const run = async (source: string) => {
      const main = `${folder}/${Bun.hash(source)}.ts`;
      await Bun.write(main, source);
      const launched = await launchHost({ ...options, ...walled, entry: { main, readable } });
      return launched.ok ? "started" : launched.error.summary();
    };
    const absent = await launchHost({ ...options, ...walled, databases: [`${folder}/absent`] });
    expect(absent.ok ? "started" : absent.error.summary()).toContain("A folder of databases is missing");
    expect(await run("console.log('hello')")).toBe("The plugin host did not report its walls: hello");
    expect(await run("process.exit(3)")).toBe("The plugin host ended at its start: exit code 3");
    expect(await run("console.error('no such thing'); process.exit(1)")).toBe("The plugin host ended at its start: no such thing");
  }, 120_000);
});

test("output is cut into bounded lines", async () => {
  const lines: string[] = [];
  let dropped = 0;
  const chunks = ["a\nb", "c\n", "x".repeat(5000), "y\n", "line\n".repeat(100), "end"];
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
  await readLines(stream, () => 0, { line: (text) => lines.push(text), dropped: (count) => (dropped += count), flooded() {} });
  expect(lines.slice(0, 3)).toEqual(["a", "bc", "x".repeat(1000)]);
  expect(lines.length).toBe(50);
  expect(dropped).toBe(3 + 100 + 1 - 50);
});

test("output without end is cut off", async () => {
  let flooded = 0;
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(120)),
    cancel: () => {
      cancelled = true;
    },
  });
  await readLines(stream, () => 0, { line() {}, dropped() {}, flooded: () => flooded++ });
  expect({ flooded, cancelled }).toEqual({ flooded: 1, cancelled: true });
});
