/** Dependencies and indexes: what an installation brings along, where it may come from, and that it is all or nothing. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, Gateway, prepare, runProgram, tempDir } from "../gateway/harness.ts";
import { PackagesWorld } from "./packages-world.ts";

setDefaultTimeout(240_000);

let world: PackagesWorld;
let host: ReturnType<typeof Bun.serve>;
/** Requests that the host got. */
let asked: string[] = [];
/** What the host answers in place of a file. */
let instead: ((path: string) => Response | null) | null = null;
const port = freePort();

beforeAll(async () => {
  world = await PackagesWorld.start(`plugins: { paths: [], indexes: [shelf, "http://127.0.0.1:${port}/plugins/"] }\n`);
  mkdirSync(join(world.dir, "shelf"));
  mkdirSync(join(world.dir, "hosted"));
  host = Bun.serve({
    port,
    hostname: "127.0.0.1",
    fetch(request) {
      const path = new URL(request.url).pathname;
      asked.push(path);
      const other = instead?.(path) ?? null;
      if (other !== null) return other;
      const file = join(world.dir, "hosted", path.replace("/plugins/", ""));
      return existsSync(file) ? new Response(readFileSync(file)) : new Response("", { status: 404 });
    },
  });
});
afterAll(async () => {
  await host.stop(true);
  await world.stop();
});

const install = (file: string, ...more: string[]) => world.cli("plugin", "install", file, "--yes", ...more);
const needs = (...names: string[]) =>
  `dependencies: { plugins: [${names.map((name) => `{ name: ${name}, version: ">=1.0.0" }`).join(", ")}] }\n`;

describe("permissions", () => {
  test("their order in the manifest does not matter: --yes ends in running", async () => {
    const installed = await install(world.draft({ name: "unordered", permissions: "[system_state_read, database_access, send_messages]" }));
    expect([installed.code, installed.stdout]).toEqual([0, "unordered 1.0.0: running\n"]);
  });

  test("a plugin that does not run at the end is an error with the reason", async () => {
    const failed = await install(world.draft({ name: "keyless", body: 'throw new Error("no key is set");' }));
    expect([failed.code, failed.stdout]).toEqual([1, ""]);
    expect(failed.stderr).toMatch(/keyless 1\.0\.0 is installed, but does not run \(failed\): .*no key is set/);
    const disabled = world.draft({ name: "switched" });
    expect((await install(disabled)).code).toBe(0);
    expect((await world.cli("plugin", "disable", "switched")).code).toBe(0);
    const again = await install(world.draft({ name: "switched", version: "1.1.0" }));
    expect([again.code, again.stderr]).toEqual([
      1,
      expect.stringMatching(/does not run \(disabled\).*\(zephyrgate plugin enable switched\)/),
    ]);
  });

  test("reload and list say what a version waits for", async () => {
    expect((await install(world.draft({ name: "grows" }))).code).toBe(0);
    const manifest = join(world.dir, "data/installed/grows/manifest.yaml");
    writeFileSync(
      manifest,
      readFileSync(manifest, "utf8").replace("permissions: [send_messages]", "permissions: [send_messages, secrets]"),
    );
    const reloaded = await world.cli("plugin", "reload", "grows");
    expect([reloaded.code, reloaded.stdout]).toEqual([
      1,
      "grows 1.0.0: running; version 1.0.0 waits: asks for secrets; accept it with: zephyrgate plugin enable grows\n",
    ]);
  });
});

describe("required plugins", () => {
  test("are found beside the package and in --from folders, shown with their permissions, and installed first", async () => {
    mkdirSync(join(world.dir, "far"));
    await world.pack({ name: "base", permissions: "[send_messages, database_access]" }, { file: "far/base.zgp" });
    await world.pack({ name: "middle", manifest: needs("base") });
    const top = await world.pack({ name: "top", manifest: needs("middle", "base", "ping") });
    const alone = await install(top);
    expect([alone.code, alone.stderr]).toEqual([
      1,
      expect.stringMatching(
        /middle needs the plugin base >=1\.0\.0, which is not installed, and none was found beside it, in a --from folder or in an index/,
      ),
    ]);
    expect(await world.version("middle")).toBeNull();
    const all = await install(top, "--from", "far");
    expect([all.code, all.stdout]).toEqual([0, "base 1.0.0: running\nmiddle 1.0.0: running\ntop 1.0.0: running\n"]);
    expect(all.stderr).toContain("3 plugins are installed, in this order:");
    expect(all.stderr).toContain("database_access");
    expect(all.stderr.indexOf("base 1.0.0 by")).toBeLessThan(all.stderr.indexOf("top 1.0.0 by"));
  });

  test("all or nothing: where one does not start, those before it are taken back, updates too", async () => {
    const folder = "circle";
    mkdirSync(join(world.dir, folder));
    await world.pack({ name: "first" }, { file: `${folder}/first.zgp` });
    const broken = await world.pack(
      { name: "broken", manifest: needs("first"), body: 'throw new Error("it breaks");' },
      { file: `${folder}/broken.zgp` },
    );
    const failed = await install(broken);
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/it breaks.*first was taken back/)]);
    expect([await world.version("first"), await world.version("broken")]).toEqual([null, null]);
    expect((await install(`${folder}/first.zgp`)).code).toBe(0);
    await world.pack({ name: "first", version: "2.0.0" }, { file: `${folder}/first2.zgp` });
    const picky = 'dependencies: { plugins: [{ name: first, version: "^2.0.0" }] }\n';
    const again = await install(
      await world.pack({ name: "broken", manifest: picky, body: 'throw new Error("it breaks");' }, { file: `${folder}/broken.zgp` }),
    );
    expect(again.code).toBe(1);
    expect([await world.version("first"), await world.version("broken")]).toEqual(["1.0.0 running", null]);
  });

  test("plugins that need each other are refused before anything is installed", async () => {
    mkdirSync(join(world.dir, "ring"));
    await world.pack({ name: "ring_a", manifest: needs("ring_b") }, { file: "ring/a.zgp" });
    await world.pack({ name: "ring_b", manifest: needs("ring_a") }, { file: "ring/b.zgp" });
    const refused = await install("ring/a.zgp");
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("ring_a needs ring_b needs ring_a: they need each other")]);
    expect(await world.version("ring_b")).toBeNull();
  });

  test("npm packages are bundled when a plugin is packed, and are never fetched by the gateway", async () => {
    const draft = world.draft({ name: "bundles", manifest: "dependencies: { packages: [{ name: tiny, version: ^1.0.0 }] }\n" });
    mkdirSync(join(world.dir, draft, "node_modules/tiny"), { recursive: true });
    writeFileSync(join(world.dir, draft, "node_modules/tiny/package.json"), '{"name":"tiny","version":"1.2.0","main":"index.js"}');
    writeFileSync(join(world.dir, draft, "node_modules/tiny/index.js"), 'module.exports = "from tiny";');
    const code = join(world.dir, draft, "plugin.ts");
    writeFileSync(code, `import tiny from "tiny";\n${readFileSync(code, "utf8").replace('"bundles 1.0.0"', "tiny")}`);
    expect((await world.cli("plugin", "pack", draft, "-o", "bundles.zgp")).code).toBe(0);
    rmSync(join(world.dir, draft), { recursive: true });
    expect((await install("bundles.zgp")).code).toBe(0);
    expect((await world.gateway.ask("bundles", /tiny/)).text).toBe("from tiny");
  });

  test("without a gateway: the whole plan at once, or nothing", async () => {
    const other = tempDir();
    prepare(other, { spacingS: 0, config: "plugins: { paths: [] }\n" });
    const offline = (...argv: string[]) => runProgram([...argv, "--config", join(other, "config.yaml"), "--port", "1"], { cwd: world.dir });
    try {
      expect((await offline("plugin", "install", "top-1.0.0.zgp", "--yes")).code).toBe(1);
      expect(existsSync(join(other, "data/installed"))).toBe(false);
      const placed = await offline("plugin", "install", "top-1.0.0.zgp", "--yes", "--from", "far");
      expect([placed.code, placed.stdout.split("\n").length]).toEqual([0, 4]);
      const next = await Gateway.start({ dir: other });
      expect((await next.states()).top).toBe("running");
      await next.end("SIGTERM");
      expect((await offline("plugin", "verify")).code).toBe(0);
    } finally {
      rmSync(other, { recursive: true, force: true });
    }
  });
});

describe("an index", () => {
  test("is built from a folder of packages; a damaged or doubled package is named", async () => {
    expect((await world.cli("trust", "keygen", "index.pem")).code).toBe(0);
    for (const folder of ["hosted", "shelf"]) mkdirSync(join(world.dir, folder), { recursive: true });
    await world.pack({ name: "lamp", permissions: "[send_messages]" }, { key: "index.pem", file: "hosted/lamp-1.0.0.zgp" });
    await world.pack({ name: "oil", permissions: "[send_messages]" }, { file: "shelf/oil.zgp" });
    const built = await world.cli("plugin", "index", "build", "hosted");
    expect([built.code, built.stdout]).toEqual([0, expect.stringContaining("index.json: 1 package\n")]);
    expect((await world.cli("plugin", "index", "build", "shelf")).code).toBe(0);
    const index = JSON.parse(readFileSync(join(world.dir, "hosted/index.json"), "utf8"));
    expect(index.packages[0]).toMatchObject({
      name: "lamp",
      version: "1.0.0",
      file: "lamp-1.0.0.zgp",
      permissions: ["send_messages"],
      requires: [],
    });
    expect(index.packages[0].signer).toMatch(/^SHA256:/);
    cpSync(join(world.dir, "hosted/lamp-1.0.0.zgp"), join(world.dir, "hosted/twin.zgp"));
    const twin = await world.cli("plugin", "index", "build", "hosted");
    expect([twin.code, twin.stderr]).toEqual([1, expect.stringContaining("lamp-1.0.0.zgp and twin.zgp are both lamp 1.0.0")]);
    writeFileSync(join(world.dir, "hosted/twin.zgp"), "rubbish");
    expect((await world.cli("plugin", "index", "build", "hosted")).stderr).toMatch(/twin\.zgp: the file is damaged/);
    rmSync(join(world.dir, "hosted/twin.zgp"));
  });

  test("search and install by name, with what is needed from another index", async () => {
    await world.pack({ name: "lamp", version: "1.1.0", manifest: needs("oil") }, { key: "index.pem", file: "hosted/lamp-1.1.0.zgp" });
    expect((await world.cli("plugin", "index", "build", "hosted")).code).toBe(0);
    const found = await world.cli("plugin", "search", "lam");
    expect([found.code, found.stdout]).toEqual([0, expect.stringMatching(/lamp +1\.1\.0 +send_messages +SHA256:/)]);
    expect((await world.cli("plugin", "search")).stdout).toContain("oil");
    const old = await install("lamp@1.0.0");
    expect([old.stderr.includes("never seen before"), old.code, old.stdout]).toEqual([true, 0, "lamp 1.0.0: running\n"]);
    const missing = await install("nothing_like_it");
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining("there is no file nothing_like_it, and no index has it")]);
  });

  test("outdated, update with the difference in permissions, and back by use", async () => {
    await world.pack(
      { name: "lamp", version: "2.0.0", permissions: "[database_access]", manifest: needs("oil") },
      { key: "index.pem", file: "hosted/lamp-2.0.0.zgp" },
    );
    expect((await world.cli("plugin", "index", "build", "hosted")).code).toBe(0);
    const outdated = await world.cli("plugin", "outdated");
    expect([outdated.code, outdated.stdout]).toEqual([0, expect.stringMatching(/lamp +1\.0\.0 +2\.0\.0 +SHA256:/)]);
    const asks = await world.cli("plugin", "update", "lamp");
    expect([asks.code, asks.stderr]).toEqual([
      1,
      expect.stringContaining("replaces version 1.0.0; asks in addition for database_access; no longer asks for send_messages"),
    ]);
    const updated = await world.cli("plugin", "update", "--yes");
    expect([updated.code, updated.stdout]).toEqual([0, "oil 1.0.0: running\nlamp 2.0.0: running\n"]);
    expect((await world.cli("plugin", "update", "--yes")).stdout).toBe("everything is up to date\n");
    const back = await world.cli("plugin", "use", "lamp", "1.0.0");
    expect([back.code, back.stdout]).toEqual([1, expect.stringContaining("waits: asks for send_messages")]);
    expect((await world.cli("plugin", "use", "lamp", "2.0.0")).code).toBe(0);
  });

  test("what the host sends in place of the package or the index is refused, and no other host is asked", async () => {
    await world.pack({ name: "bait" }, { file: "hosted/bait.zgp" });
    expect((await world.cli("plugin", "index", "build", "hosted")).code).toBe(0);
    const elsewhere: string[] = [];
    const other = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        elsewhere.push(request.url);
        return new Response("x");
      },
    });
    const rows: readonly [string, (path: string) => Response | null, RegExp][] = [
      [
        "another package",
        (path) => (path.endsWith("bait.zgp") ? new Response(readFileSync(join(world.dir, "shelf/oil.zgp"))) : null),
        /not what the index says: its hash is another|is larger than/,
      ],
      [
        "a redirect",
        (path) => (path.endsWith("bait.zgp") ? Response.redirect(`http://127.0.0.1:${other.port}/bait.zgp`) : null),
        /cannot be reached/,
      ],
      [
        "a redirected index",
        (path) => (path.endsWith("index.json") ? Response.redirect(`http://127.0.0.1:${other.port}/`) : null),
        /this index is left out: .*cannot be reached/,
      ],
      [
        "an endless index",
        (path) => (path.endsWith("index.json") ? new Response("x".repeat(5_000_000)) : null),
        /left out: .*is larger than/,
      ],
      [
        "no index",
        (path) => (path.endsWith("index.json") ? new Response('{"format":1,"packages":[{"name":"../up"}]}') : null),
        /left out: .*is no package index: packages\.0\./,
      ],
      ["nothing", () => new Response("", { status: 500 }), /the host answers 500/],
    ];
    try {
      for (const [what, answer, wanted] of rows) {
        instead = answer;
        const refused = await install("bait");
        expect([what, refused.code, refused.stderr]).toEqual([what, 1, expect.stringMatching(wanted)]);
        expect(await world.version("bait")).toBeNull();
      }
      expect(elsewhere).toEqual([]);
      instead = null;
      const index = join(world.dir, "hosted/index.json");
      const text = readFileSync(index, "utf8");
      for (const file of ["../shelf/oil.zgp", "/etc/passwd", `http://127.0.0.1:${other.port}/x`, "a/../b", "..\\\\up"]) {
        writeFileSync(index, text.replace('"bait.zgp"', JSON.stringify(file)));
        expect((await install("bait")).stderr).toMatch(/left out: .*packages\.\d+\.file/);
      }
      writeFileSync(index, text);
      expect((await install("bait")).code).toBe(0);
    } finally {
      instead = null;
      await other.stop(true);
    }
    expect(elsewhere).toEqual([]);
    asked = [];
    renameSync(join(world.dir, "hosted/bait.zgp"), join(world.dir, "bait-file.zgp"));
    expect((await world.cli("plugin", "verify", "bait-file.zgp")).code).toBe(0);
    expect((await install(world.draft({ name: "local" }))).code).toBe(0);
    expect(asked).toEqual([]);
  });

  test("a place without protection on the way is refused by the configuration", async () => {
    const dir = tempDir();
    try {
      prepare(dir, { config: "plugins: { paths: [], indexes: ['http://example.org/index/'] }\n" });
      const refused = await runProgram(["plugin", "search", "--config", join(dir, "config.yaml")], { cwd: dir });
      expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringContaining("must be https://HOST/PATH")]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
