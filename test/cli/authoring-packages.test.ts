/** Packages through the command line, against a real gateway: install, update, take back, move data, remove. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Gateway, prepare, runProgram, tempDir } from "../gateway/harness.ts";

const DEADLINE_MS = 60_000;
let dir: string;
let gateway: Gateway;

interface Version {
  readonly version: string;
  readonly permissions?: string;
  readonly body?: string;
}

function write({ version, permissions = "[send_messages, database_access]", body }: Version, name = "counter"): string {
  const folder = join(dir, `src-${name}-${version}`);
  mkdirSync(join(folder, "lib"), { recursive: true });
  writeFileSync(
    join(folder, "manifest.yaml"),
    `name: ${name}\nversion: "${version}"\ndescription: counts\nauthor: tests\ncapabilities: { commands: [{ name: ${name} }] }\npermissions: ${permissions}\n` +
      `config: { schema_file: schema.json, defaults: { word: count } }\n`,
  );
  writeFileSync(join(folder, "schema.json"), '{ "type": "object", "properties": { "word": { "type": "string" } } }');
  writeFileSync(join(folder, "lib", "word.ts"), `export const version = "${version}";\n`);
  writeFileSync(join(folder, "README.md"), "# counter\n");
  writeFileSync(
    join(folder, "plugin.ts"),
    `import { Plugin } from "zephyrgate";
import { version } from "./lib/word.ts";
export default class Counter extends Plugin {
  override async initialize() {
    ${body ?? ""}
    this.registerCommand("${name}", async () => {
      const next = (await this.retrieveData("n", 0)) + 1;
      await this.storeData("n", next);
      return \`\${this.getConfig("word", "?")} \${next} by \${version}\`;
    });
  }
}
`,
  );
  return folder;
}

const cli = (...argv: string[]) =>
  runProgram([...argv, "--config", join(dir, "config.yaml"), "--port", String(gateway.port)], { cwd: dir });

beforeAll(async () => {
  dir = tempDir();
  prepare(dir, { spacingS: 0, config: "plugins: { paths: [] }\ncommands: { sender_rate: 600/min }\n" });
  gateway = Gateway.spawn({ dir, arguments: ["--config", join(dir, "config.yaml")], unconfigured: true });
  await gateway.until("it is ready", async () => (await gateway.tryFetch("/health/ready"))?.status === 200, 30_000);
}, DEADLINE_MS);

afterAll(async () => {
  await gateway.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe("plugin pack", () => {
  test("one file, the same bytes each time, wherever the folder lies", async () => {
    const folder = write({ version: "1.0.0" });
    const first = await cli("plugin", "pack", folder);
    expect([first.code, first.stdout]).toEqual([0, "counter-1.0.0.zgp\n"]);
    cpSync(folder, join(dir, "elsewhere"), { recursive: true });
    expect((await cli("plugin", "pack", "elsewhere", "-o", "again.zgp")).code).toBe(0);
    expect(readFileSync(join(dir, "again.zgp")).equals(readFileSync(join(dir, "counter-1.0.0.zgp")))).toBe(true);
    const list = Bun.spawnSync(["tar", "tzf", join(dir, "again.zgp")]).stdout.toString();
    expect(list.trim().split("\n")).toEqual([
      "zephyrgate-package.json",
      "README.md",
      "lib/word.ts",
      "manifest.yaml",
      "plugin.ts",
      "schema.json",
    ]);
  });

  test("a folder that would not load is not packed, and says where", async () => {
    const folder = write({ version: "9.0.0" });
    writeFileSync(join(folder, "plugin.ts"), 'import { readFile } from "node:fs";\nexport default readFile;\n');
    const packed = await cli("plugin", "pack", folder);
    expect([packed.code, packed.stderr]).toEqual([1, expect.stringContaining("plugin.ts:1:26")]);
  });
});

describe("plugin install", () => {
  test("shows what is asked, accepts only with --yes, and the plugin answers", async () => {
    const refused = await cli("plugin", "install", "counter-1.0.0.zgp");
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("this is not a terminal, so the question cannot be asked")]);
    expect(refused.stderr).toContain("database_access");
    expect(refused.stderr).toContain("stores its own data on this machine's disk");
    const installed = await cli("plugin", "install", "counter-1.0.0.zgp", "--yes");
    expect([installed.code, installed.stdout]).toEqual([0, "counter 1.0.0: running\n"]);
    expect((await gateway.ask("counter", /by 1\.0\.0/)).text).toBe("count 1 by 1.0.0");
    expect(existsSync(join(dir, "data/installed/counter/manifest.yaml"))).toBe(true);
    expect((await gateway.api<{ pending: unknown }>("GET", "/plugins/counter")).body.pending).toBeNull();
  });

  test("a higher version that asks for no more takes over at once, with its data", async () => {
    const installed = await cli("plugin", "install", write({ version: "1.1.0" }), "--yes");
    expect([installed.code, installed.stdout]).toEqual([0, "counter 1.1.0: running\n"]);
    expect((await gateway.ask("counter", /by 1\.1\.0/)).text).toBe("count 2 by 1.1.0");
  });

  test("one that does not start leaves the old one running, in the folder too", async () => {
    const failed = await cli("plugin", "install", write({ version: "1.2.0", body: 'throw new Error("no key");' }), "--yes");
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining("the old one runs on")]);
    expect(failed.stderr).toContain("plugin.ts:5");
    expect((await gateway.ask("counter", /by 1\.1\.0/)).text).toBe("count 3 by 1.1.0");
    expect(readFileSync(join(dir, "data/installed/counter/manifest.yaml"), "utf8")).toContain('"1.1.0"');
  });

  test("one that asks for more waits, beside the old one, until it is accepted", async () => {
    const more = write({ version: "2.0.0", permissions: "[send_messages, database_access, system_state_read]" });
    expect((await cli("plugin", "pack", more)).code).toBe(0);
    const bytes = readFileSync(join(dir, "counter-2.0.0.zgp"));
    const posted = await gateway.tryFetch("/api/v1/plugins", {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.token}`, "content-type": "application/octet-stream" },
      body: bytes,
    });
    expect(posted?.status).toBe(202);
    const waiting = (await posted?.json()) as { state: string; version: string; pending: { version: string; added: string[] } };
    expect([waiting.state, waiting.version, waiting.pending.version, waiting.pending.added]).toEqual([
      "running",
      "1.1.0",
      "2.0.0",
      ["system_state_read"],
    ]);
    expect((await gateway.ask("counter", /by 1\.1\.0/)).text).toBe("count 4 by 1.1.0");
    const accepted = await cli("plugin", "enable", "counter", "--yes");
    expect([accepted.code, accepted.stdout]).toEqual([0, "counter 2.0.0: running\n"]);
    expect(accepted.stderr).toContain("system_state_read  (new)");
    expect((await gateway.ask("counter", /by 2\.0\.0/)).text).toBe("count 5 by 2.0.0");
    expect((await gateway.api<{ pending: unknown }>("GET", "/plugins/counter")).body.pending).toBeNull();
  });

  test("an older version needs --force; a bundled name and a damaged file are refused", async () => {
    const older = await cli("plugin", "install", "counter-1.0.0.zgp", "--yes");
    expect([older.code, older.stderr]).toEqual([1, expect.stringContaining("older than the installed 2.0.0 (add --force")]);
    const bundled = await cli("plugin", "install", write({ version: "1.0.0" }, "ping"), "--yes");
    expect([bundled.code, bundled.stderr]).toEqual([1, expect.stringContaining("ping is the name of a bundled plugin")]);
    const bytes = readFileSync(join(dir, "counter-1.0.0.zgp"));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(join(dir, "damaged.zgp"), bytes);
    const damaged = await cli("plugin", "install", "damaged.zgp", "--yes");
    expect([damaged.code, damaged.stderr.includes("damaged")]).toEqual([1, true]);
  });
});

describe("plugin export and import", () => {
  test("data and settings go out and come back; secrets stay", async () => {
    expect((await gateway.api("PUT", "/plugins/counter/config", { word: "total" })).status).toBe(200);
    expect((await gateway.api("PUT", "/plugins/counter/secrets/key", { value: "hush-hush" })).status).toBe(204);
    const exported = await cli("plugin", "export", "counter", "-o", "counter.zgd");
    expect([exported.code, exported.stdout]).toEqual([0, "counter.zgd\n"]);
    expect(Buffer.from(Bun.gunzipSync(readFileSync(join(dir, "counter.zgd")))).includes("hush-hush")).toBe(false);
    await gateway.ask("counter", /^total 6 /);
    await gateway.ask("counter", /^total 7 /);
    expect((await gateway.api("PUT", "/plugins/counter/config", { word: "other" })).status).toBe(200);
    const imported = await cli("plugin", "import", "counter", "counter.zgd");
    expect([imported.code, imported.stderr]).toEqual([0, ""]);
    expect((await gateway.ask("counter", /^total/)).text).toBe("total 6 by 2.0.0");
    expect(readdirSync(join(dir, "data/plugins/counter")).filter((name) => /import|export/.test(name))).toEqual([]);
  });

  test("what is no export, or another plugin's, changes nothing", async () => {
    writeFileSync(join(dir, "rubbish.zgd"), "rubbish");
    expect((await cli("plugin", "import", "counter", "rubbish.zgd")).code).toBe(1);
    const foreign = await cli("plugin", "import", "ping", "counter.zgd");
    expect([foreign.code, foreign.stderr]).toEqual([1, expect.stringContaining("holds the data of counter")]);
    expect((await gateway.ask("counter", /^total/)).text).toBe("total 7 by 2.0.0");
  });
});

describe("plugin remove", () => {
  test("what was loaded from elsewhere or is bundled stays", async () => {
    expect((await cli("plugin", "remove", "ping")).stderr).toContain("ping is a bundled plugin");
    expect((await cli("plugin", "remove", "nothing")).stderr).toContain("there is no plugin called");
  });

  test("it goes with its grants and secrets; data stays until --purge", async () => {
    const removed = await cli("plugin", "remove", "counter");
    expect([removed.code, removed.stdout]).toEqual([0, expect.stringContaining("its data is kept")]);
    expect((await gateway.states()).counter).toBeUndefined();
    expect(existsSync(join(dir, "data/plugins/counter/data.db"))).toBe(true);
    expect((await cli("plugin", "install", "counter-2.0.0.zgp", "--yes")).code).toBe(0);
    expect((await gateway.ask("counter", /by 2/)).text).toBe("count 8 by 2.0.0");
    expect((await gateway.api<{ items: unknown[] }>("GET", "/plugins/counter/secrets")).body.items).toEqual([]);
    expect((await cli("plugin", "remove", "counter", "--purge")).code).toBe(0);
    expect(existsSync(join(dir, "data/plugins/counter"))).toBe(false);
  });
});

describe("without a running gateway", () => {
  test(
    "install and remove work on the data folder; the next start finds it accepted",
    async () => {
      const other = tempDir();
      prepare(other, { spacingS: 0, config: "plugins: { paths: [] }\n" });
      const offline = (...argv: string[]) => runProgram([...argv, "--config", join(other, "config.yaml"), "--port", "1"], { cwd: dir });
      try {
        const installed = await offline("plugin", "install", "counter-1.0.0.zgp", "--yes");
        expect([installed.code, installed.stdout]).toEqual([0, "counter 1.0.0: installed; it starts with the gateway\n"]);
        const next = Gateway.spawn({ dir: other, arguments: ["--config", join(other, "config.yaml")], unconfigured: true });
        await next.until("it is ready", async () => (await next.tryFetch("/health/ready"))?.status === 200, 30_000);
        expect(await next.state("counter")).toBe("running");
        await next.end("SIGTERM");
        expect((await offline("plugin", "remove", "counter")).code).toBe(0);
        expect(existsSync(join(other, "data/installed/counter"))).toBe(false);
        expect((await offline("plugin", "remove", "counter")).stderr).toContain("no plugin called");
      } finally {
        rmSync(other, { recursive: true, force: true });
      }
    },
    DEADLINE_MS,
  );
});
