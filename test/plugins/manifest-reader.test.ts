import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { issueLine } from "../../src/errors.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { manifestFromValue } from "../../src/manifest/parse.ts";
import { Discovery } from "../../src/plugins/discovery/discovery.ts";
import { commandCompiler } from "../../src/sandbox/loader/compiler.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "manifests-")));
const compiler = commandCompiler();
afterAll(async () => {
  await compiler.stop();
  rmSync(root, { recursive: true });
});
let count = 0;

function put(text: string): string {
  const folder = join(root, `f${count++}`, "p");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "manifest.yaml"), text);
  writeFileSync(join(folder, "plugin.ts"), "export default 1");
  return folder;
}

const HEAD = 'name: p\nversion: "1.0.0"\ndescription: d\nauthor: a\n';
const SIZE = 64 * 1024 - 300;
const list = (item: string) => `x-a: [${item.repeat(Math.floor(SIZE / item.length))}]\n`;
const lines = (of: (at: number) => string) => {
  let text = "";
  for (let at = 0; text.length < SIZE - 40; at++) text += of(at);
  return text;
};
/** Each took the gateway up to 760 ms. */
const LARGE: Readonly<Record<string, string>> = {
  "keys nobody knows": lines((at) => `k${at}: 1\n`),
  "keys of its own": lines((at) => `x-${at}: 1\n`),
  "a list": list("1,"),
  maps: list("{},"),
  "question marks": list("?,"),
  brackets: `x-a: ${"}".repeat(SIZE)}`,
  comments: "#\n".repeat(SIZE / 2),
  "empty items": `x-a:\n${" -\n".repeat(SIZE / 3 - 10)}`,
  permissions: `permissions:\n${"- a\n".repeat(SIZE / 4 - 10)}`,
  commands: `capabilities: { commands: [${"{x: 1},".repeat(SIZE / 7 - 10)}] }`,
};
/** Twenty milliseconds are meant; a busy machine gets five times as much. */
const MOST_MS = 100;

/** Milliseconds of processor time that this process has used. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The most processor time without a break while `work` ran: on a busy machine the clock also counts what others did. */
async function longestPause(work: () => Promise<unknown>): Promise<number> {
  let last = { at: performance.now(), cpu: cpu() };
  let longest = 0;
  const look = () => {
    const now = { at: performance.now(), cpu: cpu() };
    longest = Math.max(longest, Math.min(now.at - last.at, now.cpu - last.cpu));
    last = now;
  };
  const timer = setInterval(look, 1);
  await work();
  look();
  clearInterval(timer);
  return longest;
}

test("a large manifest is read in another process, with the same result as here", async () => {
  for (const text of [`${HEAD}${LARGE["keys of its own"]}`, `${HEAD}${LARGE["keys nobody knows"]}`, `${HEAD}${LARGE.brackets}`]) {
    const folder = put(text);
    const apart = new Discovery([], silentLogger, (place) => compiler.readManifest(place));
    await apart.prepare([folder]);
    const here = new Discovery([], silentLogger).scan([folder]);
    const there = apart.scan([folder]);
    expect(there.plugins.map(({ manifest }) => manifest)).toEqual(here.plugins.map(({ manifest }) => manifest));
    expect(there.broken).toEqual(here.broken);
  }
}, 120_000);

test.each(Object.keys(LARGE))(
  "a manifest of %s does not hold up the gateway",
  async (name) => {
    const folder = put(HEAD + LARGE[name]);
    const pauses: number[] = [];
    // What reads it here reads it here each time; a collector or a compiler of the engine may come between once.
    for (let i = 0; i < 3; i++) {
      const discovery = new Discovery([], silentLogger, (place) => compiler.readManifest(place));
      const read = async () => {
        await discovery.prepare([folder]);
        discovery.scan([folder]);
      };
      pauses.push(await longestPause(read));
    }
    expect(Math.min(...pauses)).toBeLessThan(MOST_MS);
  },
  120_000,
);

test("three hundred small manifests are read with pauses", async () => {
  const parent = join(root, "many");
  for (let at = 0; at < 300; at++) {
    mkdirSync(join(parent, `p${at}`), { recursive: true });
    writeFileSync(join(parent, `p${at}/manifest.yaml`), `${HEAD.replace("name: p", `name: p${at}`)}x-a: [${"1,".repeat(200)}]\n`);
    writeFileSync(join(parent, `p${at}/plugin.ts`), "export default 1");
  }
  const discovery = new Discovery([], silentLogger, (place) => compiler.readManifest(place));
  expect(await longestPause(() => discovery.prepare([parent]))).toBeLessThan(MOST_MS * 2);
  expect(discovery.scan([parent]).plugins).toHaveLength(300);
}, 120_000);

test("a manifest that grew between the two looks waits for the next", async () => {
  const folder = put(HEAD);
  const discovery = new Discovery([], silentLogger, (place) => compiler.readManifest(place));
  await discovery.prepare([folder]);
  writeFileSync(join(folder, "manifest.yaml"), `${HEAD}${LARGE["keys of its own"]}`);
  const [broken] = discovery.scan([folder]).broken;
  expect(broken?.issues.map(issueLine).join()).toContain("was changed while it was read");
  await discovery.prepare([folder]);
  expect(discovery.scan([folder])).toMatchObject({ broken: [], plugins: [{ name: "p" }] });
}, 120_000);

test("false words of the other process are judged anew", () => {
  for (const value of [null, 1, [], {}, { name: "p" }, { name: "p", version: "1", description: "d", author: "a" }])
    expect(manifestFromValue(value, "m").ok).toBe(false);
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, 1]));
  const started = cpu();
  expect(manifestFromValue({ name: "p", version: "1.0.0", description: "d", author: "a", ...many }, "m").ok).toBe(false);
  expect(cpu() - started).toBeLessThan(MOST_MS);
});
