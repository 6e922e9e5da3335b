/** Every block of TypeScript in the documentation is type-checked; every plugin in it is loaded, and its tests are run. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startTestGateway } from "zephyrgate/testing";
import { allBlocks, placeOf, ROOT } from "./blocks.ts";
import { type Workshop, workshop } from "./snippets.ts";

const blocks = allBlocks();
let shop: Workshop;

beforeAll(() => {
  shop = workshop(blocks);
});
afterAll(() => rmSync(shop.root, { recursive: true, force: true }));

test("the documentation has TypeScript, and whole plugins in it", () => {
  expect(blocks.filter((block) => block.language === "ts").length).toBeGreaterThan(100);
  expect(shop.plugins.length).toBeGreaterThan(8);
});

test("every block of TypeScript fits the types", async () => {
  const options = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: {
      noUnusedLocals: false,
      noUnusedParameters: false,
      typeRoots: [join(ROOT, "node_modules")],
      paths: { zephyrgate: [join(ROOT, "src/sdk/index.ts")], "zephyrgate/testing": [join(ROOT, "src/testing/index.ts")] },
    },
    include: [`${shop.root}/**/*.ts`],
  };
  writeFileSync(join(shop.root, "tsconfig.json"), JSON.stringify(options));
  const { stdout } = Bun.spawnSync([join(ROOT, "node_modules/.bin/tsc"), "-p", shop.root, "--pretty", "false"], { cwd: shop.root });
  const complaints = stdout
    .toString()
    .split("\n")
    .filter((line) => /^\S.*error TS/.test(line));
  const own = complaints.flatMap((line) => {
    const path = join(shop.root, line.replace(/\(.*$/, ""));
    const block = shop.modules.get(path);
    return block === undefined ? [] : [`${placeOf(block)}: ${line}`];
  });
  expect(own).toEqual([]);
}, 120_000);

test("every plugin of the documentation runs in a realm", async () => {
  const groups = new Map(shop.plugins.map((folder) => [folder.name, [folder.path]]));
  for (const { name, blocks: parts } of shop.plugins) {
    const others = parts.flatMap((part) => (part.mark?.detail.match(/with (\w+)/) ?? []).slice(1));
    for (const other of others) groups.get(name)?.push(join(shop.root, "plugins", other));
  }
  for (const [name, plugin] of groups) {
    await using gateway = await startTestGateway({ plugin });
    expect(`${name}: ${gateway.plugin.state}`).toBe(`${name}: running`);
  }
}, 120_000);

test("the tests in the documentation pass", () => {
  const folder = join(shop.root, "plugins");
  const files = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".test.ts"));
  expect(files.length).toBeGreaterThan(2);
  const run = Bun.spawnSync([process.execPath, "test", "--timeout", "120000", ...files.map((file) => `./${file}`)], {
    cwd: folder,
    stderr: "pipe",
  });
  expect(`${run.exitCode}\n${run.exitCode === 0 ? "" : run.stderr.toString()}`).toBe("0\n");
}, 120_000);
