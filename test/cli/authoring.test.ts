/** The authoring verbs as typed: questions, flags, exit codes, and the way from nothing to an answer on the mesh. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { Lines } from "../../src/cli/verb/lines.ts";
import { build } from "../gateway/build.ts";
import { Gateway, prepare, runProgram, tempDir } from "../gateway/harness.ts";

const ROOT = join(import.meta.dir, "../..");
const DEADLINE_MS = 120_000;
let dir: string;

beforeAll(() => {
  dir = tempDir();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function typed(argv: readonly string[], lines: readonly string[] | null = null): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []];
  async function* stdin() {
    for (const line of lines ?? []) yield `${line}\n`;
  }
  const code = await main(argv, {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    stdin: stdin(),
    env: { HOME: dir, USER: "ann", PATH: process.env.PATH },
    cwd: dir,
    isTTY: lines !== null,
  });
  return { code, out: out.join(""), err: err.join("") };
}

describe("plugin create", () => {
  test("by flags: what was asked for, where it was asked for", async () => {
    const argv = [
      "--name",
      "by_flags",
      "--author",
      "Ann",
      "--email",
      "a@example.org",
      "--description",
      "does",
      "--license",
      "GPL-3.0-or-later",
    ];
    const made = await typed(["plugin", "create", ...argv, "--output", "sub", "--tasks", "--storage"]);
    const program = `${process.execPath} ${join(ROOT, "src/main.ts")}`;
    expect([made.code, made.err]).toEqual([0, `next: ${program} plugin test sub/by_flags; then: ${program} dev sub/by_flags\n`]);
    // As it is printed, where it is printed, with no Bun in the search path.
    const printed = `${program} plugin test sub/by_flags`.split(" ");
    const tested = Bun.spawnSync(printed, { cwd: dir, env: { HOME: dir, PATH: "/usr/bin:/bin" }, stderr: "pipe" });
    expect([tested.exitCode, tested.exitCode === 0 ? "" : tested.stderr.toString()]).toEqual([0, ""]);
    const manifest = readFileSync(join(dir, "sub/by_flags/manifest.yaml"), "utf8");
    for (const line of ['author: "Ann"', 'author_email: "a@example.org"', 'license: "GPL-3.0-or-later"', "  - schedule_tasks"])
      expect(manifest).toContain(line);
    expect(existsSync(join(dir, "sub/by_flags/handlers"))).toBe(false);
  }, 120_000);

  test("asks for what is not given; Enter takes what stands in brackets; a bad name is asked again", async () => {
    const made = await typed(["plugin", "create"], ["Bad Name", "asked", "", "", "", "", "", "y", "", "", "n"]);
    expect(made.code).toBe(0);
    expect(made.err).toContain("Name [my_plugin]: a plugin's name is lower-case letters");
    expect(made.err).toContain("try bad_name");
    expect(made.err).toContain("Author [ann]: E-mail (may be empty): License [MIT]: With commands that mesh users send? y/n [y]: ");
    const manifest = readFileSync(join(dir, "asked/manifest.yaml"), "utf8");
    expect(manifest).toContain('author: "ann"');
    expect(manifest).toContain("  scheduled_tasks:");
    expect(manifest).not.toContain("http_requests");
    expect(manifest).not.toContain("author_email");
  });

  test("an end of input in the middle makes nothing", async () => {
    const made = await typed(["plugin", "create"], ["half", ""]);
    expect([made.code, made.err.includes("the questions were not answered")]).toEqual([1, true]);
    expect(existsSync(join(dir, "half"))).toBe(false);
  });

  test("without a name and a terminal, and with a bad name, it says what to write", async () => {
    expect((await typed(["plugin", "create", "--all"])).err).toBe(
      "zephyrgate: --name is missing (for example: zephyrgate plugin create --name my_plugin)\n",
    );
    expect((await typed(["plugin", "create", "My-Plugin"])).err).toContain("try my_plugin");
    const twice = await typed(["plugin", "create", "asked"]);
    expect([twice.code, twice.err.includes("exists already")]).toEqual([1, true]);
    expect((await typed(["plugin", "create", "--nane", "x"])).code).toBe(2);
  });
});

describe("plugin check", () => {
  test("0 when all is well, 1 with an error; a warning counts only when it is strict; JSON for machines", async () => {
    await typed(["plugin", "create", "checked"]);
    expect((await typed(["plugin", "check", "checked"])).code).toBe(0);
    const file = join(dir, "checked/manifest.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("- send_messages", "- send_messages\n  - database_access"));
    const warned = await typed(["plugin", "check", "checked"]);
    expect([warned.code, warned.out]).toEqual([
      0,
      expect.stringMatching(/^warning: checked\/manifest\.yaml:\d+:5: permissions\.1: database_access is asked for and never used/m),
    ]);
    expect((await typed(["plugin", "check", "checked", "--strict"])).code).toBe(1);
    writeFileSync(file, readFileSync(file, "utf8").replace("- send_messages", "- send_mesages"));
    const wrong = await typed(["plugin", "check", "checked", "--json"]);
    expect(wrong.code).toBe(1);
    expect(JSON.parse(wrong.out).findings[0]).toMatchObject({
      level: "error",
      field: "permissions.0",
      hint: "did you mean send_messages?",
    });
    expect((await typed(["plugin", "check", "nowhere"])).out).toContain("error: nowhere: ");
  });
});

describe("plugin install on a terminal", () => {
  test("shows, asks, and takes only a yes", async () => {
    await typed(["plugin", "create", "offered", "--storage", "--commands"]);
    const flags = ["--data-dir", join(dir, "data"), "--port", "1"];
    const no = await typed(["plugin", "install", "offered", ...flags], [""]);
    expect([no.code, no.out, no.err.endsWith("install and accept? [y/N] not installed\n")]).toEqual([1, "", true]);
    expect(existsSync(join(dir, "data/installed"))).toBe(false);
    const yes = await typed(["plugin", "install", "offered", ...flags], ["y"]);
    expect([yes.code, yes.out]).toEqual([0, "offered 0.1.0: installed; it starts with the gateway\n"]);
    expect(yes.err).toContain("send_messages");
    expect(readdirSync(join(dir, "data/installed/offered"))).toContain("config_schema.json");
    expect(existsSync(join(dir, "data/installed/offered/tests"))).toBe(false);
  }, 120_000);
});

test("lines of standard input, however they come", async () => {
  async function* stdin() {
    yield "one\r\ntw";
    yield new TextEncoder().encode("o\n\nfo\u00fcr").subarray(0, 5);
    yield new TextEncoder().encode("o\n\nfo\u00fcr").subarray(5);
  }
  const lines = new Lines({ stdin: stdin() });
  const all: (string | null)[] = [];
  for (let at = 0; at < 6; at++) all.push(await lines.next());
  expect(all).toEqual(["one", "two", "", "fo\u00fcr", null, null]);
});

test(
  "from nothing to an own plugin that answers on a mesh by the compiled program, in a dozen commands",
  async () => {
    const home = tempDir();
    const program = [join(home, "zephyrgate")];
    const transcript: string[] = [];
    const command = async (...argv: string[]) => {
      transcript.push(`zephyrgate ${argv.join(" ")}`);
      const ran = await runProgram(argv, { cwd: home, command: program });
      expect([argv.join(" "), ran.code, ran.code === 0 ? "" : ran.stderr + ran.stdout]).toEqual([argv.join(" "), 0, ""]);
      return ran.stdout;
    };
    try {
      await build("build", program[0] ?? "");
      await command("plugin", "create", "my_weather", "--author", "Ann", "--commands", "--storage");
      await command("plugin", "test", "my_weather");
      const file = join(home, "my_weather/handlers/commands.ts");
      writeFileSync(file, readFileSync(file, "utf8").replace("name}!`", "name}, it rains!`"));
      await command("plugin", "check", "my_weather");
      await command("plugin", "pack", "my_weather");
      prepare(home, { spacingS: 0, config: "plugins: { paths: [] }\n" });
      const gateway = Gateway.spawn({
        dir: home,
        command: program,
        arguments: ["--config", join(home, "config.yaml")],
        unconfigured: true,
      });
      transcript.push("zephyrgate gateway");
      await gateway.until("it is ready", async () => (await gateway.tryFetch("/health/ready"))?.status === 200, 30_000);
      const port = ["--port", String(gateway.port)];
      expect(await command("plugin", "install", "my_weather-0.1.0.zgp", "--yes", ...port)).toBe("my_weather 0.1.0: running\n");
      expect(await command("simulate", "say", "--from", "!00000002", "my_weather", "--wait", "2", ...port)).toContain(", it rains!");
      expect(await command("permission", "list", "my_weather", ...port)).toContain("database_access");
      await gateway.end("SIGTERM");
      expect(transcript.length).toBeLessThan(25);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  },
  DEADLINE_MS,
);
