/** The real process under a stand-in for systemd. */
import { afterEach, expect, test } from "bun:test";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listenAsServiceManager, type StandIn } from "../systemd/stand-in.ts";
import { FROM_SOURCE, freePort, Gateway, PATIENCE_MS, runProgram, tempDir } from "./harness.ts";

let manager: StandIn | null = null;
let gateway: Gateway | null = null;
const folders: string[] = [];
afterEach(async () => {
  await gateway?.end("SIGKILL");
  gateway = null;
  manager?.stop();
  manager = null;
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const TIMEOUT_MS = 4 * PATIENCE_MS;

test(
  "ready, alive, reloading and stopping are told, and the edited configuration is in force after the reload",
  async () => {
    manager = listenAsServiceManager();
    // A sign of life every 200 ms, and another process's watchdog is none of ours.
    gateway = await Gateway.start({ env: { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "600000" } });
    folders.push(gateway.dir);
    expect(manager.heard[0]).toBe("STATUS=starting");
    const ready = await manager.until((message) => message.startsWith("READY=1"));
    expect(ready).toMatch(/^READY=1\nSTATUS=\d+ plugins running; link sim (?:up|connecting|configuring)$/);
    expect(manager.heard.indexOf(ready)).toBe(1);
    await manager.until((message) => /^WATCHDOG=1\nSTATUS=\d+ plugins running; link sim up/.test(message));

    const file = join(gateway.dir, "config.yaml");
    const before = readFileSync(file, "utf8");
    writeFileSync(file, `${before}log: { levels: { ping: debug } }\n`);
    gateway.process.kill("SIGHUP");
    await manager.until((message) => message.startsWith("RELOADING=1"));
    const at = manager.heard.findIndex((message) => message.startsWith("RELOADING=1"));
    await manager.until((message) => manager !== null && manager.heard.indexOf(message, at) > at && message.startsWith("READY=1"));
    await gateway.until("the change is said", () => (gateway?.lines(/the configuration file changed: log\.levels/).length ?? 0) === 1);

    // A mistake: said, and the old configuration stays.
    writeFileSync(file, `${before}log: { levl: debug }\n`);
    gateway.process.kill("SIGHUP");
    await gateway.until("the mistake is said", () => (gateway?.lines(/did you mean level\?/).length ?? 0) > 0);
    expect((await gateway.tryFetch("/health/live"))?.status).toBe(200);

    gateway.process.kill("SIGTERM");
    await manager.until((message) => message === "STOPPING=1\nSTATUS=stopping: SIGTERM");
    expect(await gateway.process.exited).toBe(0);
    expect(manager.heard.at(-1)).toStartWith("STOPPING=1");
  },
  TIMEOUT_MS,
);

test(
  "a gateway whose main loop stands still gives no sign of life",
  async () => {
    manager = listenAsServiceManager({ abstract: true });
    gateway = await Gateway.start({ env: { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "300000" } });
    folders.push(gateway.dir);
    await manager.until((message) => message.startsWith("WATCHDOG=1"));
    gateway.process.kill("SIGSTOP");
    await Bun.sleep(200);
    const before = manager.heard.length;
    await Bun.sleep(1500);
    expect(manager.heard.length).toBe(before);
    gateway.process.kill("SIGCONT");
    const from = manager.heard.length;
    await manager.until((message) => manager !== null && manager.heard.lastIndexOf(message) >= from);
  },
  TIMEOUT_MS,
);

test(
  "who reads JSON gets nothing else",
  async () => {
    gateway = await Gateway.start({ config: "log: { format: json }\n" });
    folders.push(gateway.dir);
    const at = gateway;
    await at.until("it says where it listens", () => at.output.includes(`127.0.0.1:${at.port}/`));
    for (const each of at.output.trimEnd().split("\n")) expect(JSON.parse(each)).toMatchObject({ level: expect.any(String) });
    expect(at.lines(/"message":"ZephyrGate .* is up"/)).toHaveLength(1);
  },
  TIMEOUT_MS,
);

test(
  "under the journal each line has its priority, in the log file none",
  async () => {
    const dir = tempDir();
    folders.push(dir);
    mkdirSync(join(dir, "plugins/broken"), { recursive: true });
    writeFileSync(join(dir, "plugins/broken/manifest.yaml"), "name: broken\n");
    writeFileSync(
      join(dir, "config.yaml"),
      "data_dir: ./data\nmesh: { interfaces: [{ name: sim, type: simulated, nodes: 1 }] }\nplugins: { paths: [./plugins], enabled_plugins: [nothere] }\nlog: { level: debug, file: ./gateway.log }\n",
    );
    const stream = openSync(join(dir, "journal"), "w");
    const { dev, ino } = fstatSync(stream);
    const child = Bun.spawn([...FROM_SOURCE, "gateway", "--config", join(dir, "config.yaml"), "--port", String(freePort())], {
      cwd: dir,
      stdin: "ignore",
      stdout: stream,
      stderr: stream,
      env: { PATH: process.env.PATH ?? "", HOME: dir, JOURNAL_STREAM: `${dev}:${ino}` },
    });
    const journal = () => readFileSync(join(dir, "journal"), "utf8");
    for (const end = Date.now() + PATIENCE_MS; !journal().includes("is up\n") && Date.now() < end; ) await Bun.sleep(50);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    closeSync(stream);
    expect(journal()).toMatch(/^<6>\S+ INFO /m);
    expect(journal()).toMatch(/^<4>\S+ WARN .*nothere/m);
    for (const [word, priority] of Object.entries({ DEBUG: 7, INFO: 6, WARN: 4, ERROR: 3 }))
      for (const line of journal()
        .split("\n")
        .filter((each) => new RegExp(`^(?:<\\d>)?\\S+Z ${word} `).test(each)))
        expect(line).toStartWith(`<${priority}>`);
    expect(readFileSync(join(dir, "gateway.log"), "utf8")).toMatch(/^\d{4}-/);
    expect(readFileSync(join(dir, "gateway.log"), "utf8")).not.toContain("<6>");

    const errors = openSync(join(dir, "errors"), "w");
    const of = fstatSync(errors);
    const refused = Bun.spawn([...FROM_SOURCE, "gateway", "--config", "absent.yaml"], {
      cwd: dir,
      stdin: "ignore",
      stdout: "ignore",
      stderr: errors,
      env: { HOME: dir, JOURNAL_STREAM: `${of.dev}:${of.ino}` },
    });
    expect(await refused.exited).toBe(78);
    closeSync(errors);
    expect(readFileSync(join(dir, "errors"), "utf8")).toMatch(/^<3>zephyrgate: .*absent\.yaml/);
    // Elsewhere there are no priorities.
    expect((await runProgram(["gateway", "--config", "absent.yaml"], { cwd: dir })).stderr).toStartWith("zephyrgate: ");
  },
  TIMEOUT_MS,
);
