import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { type LoadedConfig, loadConfig } from "../../src/config/load.ts";
import { ConfigWatcher, type WatchDeps } from "../../src/config/watch.ts";
import type { Logger } from "../../src/log/logger.ts";
import { FakeClock } from "../fake-clock.ts";

const root = mkdtempSync(join(tmpdir(), "watch-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

function set(overrides: Partial<WatchDeps> = {}) {
  const file = join(root, `${count++}.yaml`);
  writeFileSync(file, "api: { port: 1 }");
  const load = () => loadConfig({ flags: { config: file }, env: {}, cwd: root, home: root });
  const first = load();
  if (!first.ok) throw new Error("the first configuration holds");
  const changes: { port: number; keys: readonly string[] }[] = [];
  const errors: string[] = [];
  const log: Logger = { debug() {}, info() {}, warn() {}, error: (message) => void errors.push(message), child: () => log };
  const clock = new FakeClock();
  let tell: (name: string | null) => void = () => {};
  let watching = 0;
  const deps: WatchDeps = {
    file,
    clock,
    log,
    load,
    onChange: (next: LoadedConfig, keys) => void changes.push({ port: next.config.api.port, keys }),
    watchFolder: (_, changed) => {
      tell = changed;
      watching += 1;
      return {
        dispose: () => {
          watching -= 1;
        },
      };
    },
    ...overrides,
  };
  const watcher = new ConfigWatcher(deps, first.value);
  return { file, changes, errors, clock, watcher, tell: (name: string | null = null) => tell(name), watching: () => watching };
}

test("a save is read once, after the editor has been quiet", async () => {
  const { file, changes, clock, watcher, tell } = set();
  watcher.start();
  writeFileSync(file, "api: { port: 2 }");
  for (let step = 0; step < 5; step += 1) {
    tell();
    await clock.advance(100);
  }
  expect(changes).toEqual([]);
  await clock.advance(1000);
  expect(changes).toEqual([{ port: 2, keys: ["api.port"] }]);
  watcher.stop();
});

test("an atomic save counts; another file of the folder does not", async () => {
  const { file, changes, clock, watcher, tell } = set();
  watcher.start();
  writeFileSync(`${file}.new`, "api: { port: 3 }\nlog: { level: debug }");
  tell(`${count}.other`);
  await clock.advance(1000);
  renameSync(`${file}.new`, file);
  tell();
  await clock.advance(1000);
  expect(changes).toEqual([{ port: 3, keys: ["api.port", "log.level"] }]);
  watcher.stop();
});

test("an invalid edit keeps the old and logs every problem; the corrected one is compared with what runs", async () => {
  const { file, changes, errors, clock, watcher, tell } = set();
  watcher.start();
  writeFileSync(file, "api: { port: x }\nprot: 1");
  tell();
  await clock.advance(1000);
  expect(changes).toEqual([]);
  expect(errors).toEqual([
    "the changed configuration is not valid (2 problems); the old one stays in force",
    `${file}:1:14: api.port: must be a number, got "x"`,
    expect.stringContaining(`${file}:2:1: prot: unknown key`),
  ]);
  writeFileSync(file, "api: { port: 1 }\n# the same");
  tell();
  await clock.advance(1000);
  expect(changes).toEqual([]);
  watcher.stop();
});

test("without the system's help the stamp is looked at; stopping ends everything, twice too", async () => {
  const { file, changes, clock, watcher, watching } = set();
  watcher.start();
  watcher.start();
  expect(watching()).toBe(1);
  writeFileSync(file, "api: { port: 44 }");
  await clock.advance(6000);
  expect(changes).toHaveLength(1);
  watcher.stop();
  watcher.stop();
  expect(watching()).toBe(0);
  writeFileSync(file, "api: { port: 555 }");
  await clock.advance(60_000);
  expect(changes).toHaveLength(1);
});

test("the true folder watch and clock see a save", async () => {
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  const { watchFolder: _, ...rest } = {} as Partial<WatchDeps>;
  const { file } = set();
  const load = () => loadConfig({ flags: { config: file }, env: {}, cwd: root, home: root });
  const first = load();
  if (!first.ok) throw new Error("the first configuration holds");
  const log: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
  const watcher = new ConfigWatcher(
    { file, clock: systemClock, log, load, onChange: (_next, keys) => resolve(keys), ...rest },
    first.value,
  );
  watcher.start();
  writeFileSync(file, "api: { port: 2222 }");
  expect(await promise).toEqual(["api.port"]);
  watcher.stop();
});

test("a file that the system does not show for a while is said once, and watched again afterwards", async () => {
  let refused: string | null = null;
  let size = 1;
  const { changes, errors, clock, watcher, file } = set({
    stamp: () => {
      if (refused !== null) throw new Error(refused);
      return `${size}`;
    },
  });
  watcher.start();
  refused = "ELOOP: too many symbolic links";
  await clock.advance(20_000);
  expect(errors).toEqual([`${file} cannot be watched now: ${refused}; trying again`]);
  refused = null;
  size = 2;
  writeFileSync(file, "api: { port: 7 }");
  await clock.advance(6_000);
  expect(changes.map(({ port }) => port)).toEqual([7]);
  watcher.stop();
});

test("a configuration file behind a loop of links does not end the watch", async () => {
  const { changes, errors, clock, watcher, file } = set();
  watcher.start();
  rmSync(file);
  symlinkSync(file, file);
  await clock.advance(6_000);
  expect(errors).toEqual([expect.stringMatching(/cannot be watched now: ELOOP/)]);
  rmSync(file);
  writeFileSync(file, "api: { port: 8 }");
  await clock.advance(6_000);
  expect(changes.map(({ port }) => port)).toEqual([8]);
  watcher.stop();
});
