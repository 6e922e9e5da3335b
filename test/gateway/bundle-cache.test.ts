/** A plugin whose files did not change starts from its kept bundle: the bundler is not asked, and what could change a bundle asks it again. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { Catalogue } from "../../src/gateway/plugins/catalogue.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { CodeStore } from "../../src/packages/code-store.ts";
import { loadPlugin } from "../../src/sandbox/loader/load.ts";
import { folderSource } from "../../src/sandbox/loader/source.ts";

const root = mkdtempSync(join(tmpdir(), "bundle-cache-"));
afterAll(() => rmSync(root, { recursive: true }));

const folder = join(root, "plugins/tides");
const manifest = (more = "") => `name: tides\nversion: 1.0.0\ndescription: Tides\nauthor: Ann\n${more}`;
const source = (text: string) => `import { Plugin } from "zephyrgate";\nexport default class Tides extends Plugin { text = "${text}"; }\n`;

function write(name: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), text);
}

const loaded = loadConfig({ flags: { dataDir: root }, env: {}, cwd: root, home: root });
if (!loaded.ok) throw new Error(loaded.error[0]?.message);
const { config } = loaded.value;

/** One start of a gateway: which folders were bundled or warmed for, and what the plugin's code is. */
async function start(): Promise<{ bundled: string[]; warmed: string[]; code: string; hash: string; schema: unknown }> {
  const [bundled, warmed]: [string[], string[]] = [[], []];
  const catalogue = new Catalogue({
    log: silentLogger,
    config: () => ({ ...config, plugins: { ...config.plugins, paths: [join(root, "plugins")] } }),
    decisions: { settings: () => null } as unknown as ConstructorParameters<typeof Catalogue>[0]["decisions"],
    holder: () => null,
    safe: false,
    withExamples: false,
    code: new CodeStore(join(root, "code"), () => 1),
    bundled: [{ name: "own", files: { "manifest.yaml": manifest().replaceAll("tides", "own"), "plugin.ts": source("own") } }],
    compiler: {
      warm: (folders) => void warmed.push(...folders),
      load: async (path, main) => {
        bundled.push(path);
        const tree = folderSource(path);
        return tree.ok ? loadPlugin(tree.value, main) : tree;
      },
    },
  });
  const { candidates } = await catalogue.discover();
  let built = { code: "", hash: "" };
  let schema: unknown = null;
  for (const candidate of candidates) {
    const bundle = await catalogue.build(candidate);
    if (!bundle.ok) throw bundle.error;
    catalogue.keep(candidate, bundle.value);
    if (candidate.name !== "tides") continue;
    built = bundle.value;
    const told = await catalogue.schemaOf(candidate);
    schema = told.ok ? told.value : told.error.summary();
  }
  return { bundled, warmed, code: built.code, hash: built.hash, schema };
}

test("the second start bundles nothing and starts no bundler; the code and its hash are the same", async () => {
  write("manifest.yaml", manifest());
  write("plugin.ts", source("v1"));
  const first = await start();
  expect([first.bundled, first.warmed]).toEqual([[folder], [folder]]);
  const second = await start();
  expect(second).toEqual({ ...first, bundled: [], warmed: [] });
});

test("a changed byte, another main and a damaged or deleted store bundle again", async () => {
  write("plugin.ts", source("v2"));
  const changed = await start();
  expect([changed.bundled.length, changed.code.includes("v2")]).toEqual([1, true]);
  expect((await start()).bundled).toEqual([]);

  write("other.ts", source("v3"));
  write("manifest.yaml", manifest("main: other.ts\n"));
  const other = await start();
  expect([other.bundled.length, other.code.includes("v3")]).toEqual([1, true]);
  expect((await start()).bundled).toEqual([]);

  const store = join(root, "code");
  for (const name of readdirSync(store)) writeFileSync(join(store, name), "{}");
  expect((await start()).bundled).toHaveLength(1);
  expect((await start()).bundled).toEqual([]);
  rmSync(store, { recursive: true });
  expect((await start()).bundled).toHaveLength(1);
});

test("the configuration's schema and the manifest are those of the folder, also where the bundle is kept", async () => {
  const schema = (type: string) => write("schema.json", JSON.stringify({ type: "object", properties: { at: { type } } }));
  write("manifest.yaml", manifest("config: { schema_file: schema.json }\n"));
  schema("string");
  expect((await start()).schema).toMatchObject({ properties: { at: { type: "string" } } });
  schema("number");
  for (let times = 0; times < 2; times++) {
    const next = await start();
    expect([next.bundled, next.schema]).toEqual([[], { type: "object", properties: { at: { type: "number" } } }]);
  }
  write("manifest.yaml", manifest());
  expect(await start()).toMatchObject({ bundled: [], schema: null });
});

test("a file that only another bundler would have written is not believed", async () => {
  await start();
  const store = join(root, "code");
  const index = JSON.parse(await Bun.file(join(store, "index.json")).text()) as Record<string, { file: string; at: number }>;
  const key = Object.keys(index).find((each) => each.startsWith("accepted:tides")) ?? "";
  const kept = JSON.parse(await Bun.file(join(store, index[key]?.file ?? "")).text());
  // Written as the store itself would, so that only its content can be refused.
  const poison = (made: object) =>
    new CodeStore(store, () => 2).put(key, { ...kept, code: "export default evil;", made: { ...kept.made, ...made } });
  for (const made of [
    { loader: "another" },
    { main: "plugin.ts" },
    { trace: "" },
    { trace: kept.made.trace.replace(/[0-9a-f]{64}/, "0".repeat(64)) },
  ]) {
    poison(made);
    const next = await start();
    expect([next.bundled.length, next.code.includes("evil")]).toEqual([1, false]);
  }
});
