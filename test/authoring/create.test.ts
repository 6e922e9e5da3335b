/** What `plugin create` makes, used as its author will: with the package installed beside it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkPlugin } from "../../src/authoring/check/check.ts";
import { createPlugin, FEATURES, type NewPlugin, nameProblem } from "../../src/authoring/create.ts";
import { render } from "../../src/authoring/template.ts";
import { issueLine } from "../../src/errors.ts";
import { type Compiler, commandCompiler } from "../../src/sandbox/loader/compiler.ts";
import { tempDir } from "../gateway/harness.ts";

const ROOT = join(import.meta.dir, "../..");
const BUN = process.execPath;
const DEADLINE_MS = 240_000;
/** None, one of each pair that shares lines, and all: the combinations whose own tests are run. */
const TRIED = [0, 0b11000, 0b11110, 0b11111];

let dir: string;
let compiler: Compiler;

const nameOf = (bits: number) => `plugin_${bits}`;
const plugin = (bits: number, over: Partial<NewPlugin> = {}): NewPlugin => ({
  name: nameOf(bits),
  author: 'Ann "the" Author',
  email: "ann@example.org",
  description: 'It\'s: a # description, with "quotes" */',
  license: "MIT",
  features: new Set(FEATURES.filter((_, index) => ((bits >> index) & 1) === 1)),
  ...over,
});

function run(argv: readonly string[], cwd: string): { code: number; output: string } {
  const env = { PATH: `${join(ROOT, "node_modules/.bin")}:${process.env.PATH}`, HOME: process.env.HOME ?? dir };
  const child = Bun.spawnSync([...argv], { cwd, env, stdout: "pipe", stderr: "pipe" });
  return { code: child.exitCode, output: child.stdout.toString() + child.stderr.toString() };
}

/** `bun add -d` of the tarball; where no registry is reached, the same laid out by hand from what is installed here. */
function install(): void {
  const packed = run([BUN, "pm", "pack", "--destination", dir, "--quiet"], ROOT);
  expect(packed.output).toContain(".tgz");
  const tarball = readdirSync(dir).find((name) => name.endsWith(".tgz")) ?? "";
  writeFileSync(join(dir, "package.json"), '{ "name": "author", "private": true }');
  const added = run([BUN, "add", "-d", `./${tarball}`, "bun-types@1.4.5"], dir);
  if (added.code === 0) return;
  expect(added.output).toMatch(/failed to resolve|Connection|ENOTFOUND|timed out/i);
  const modules = join(dir, "node_modules");
  rmSync(modules, { recursive: true, force: true });
  mkdirSync(join(modules, "zephyrgate"), { recursive: true });
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  expect(run(["tar", "xzf", tarball, "-C", join(modules, "zephyrgate"), "--strip-components=1"], dir).code).toBe(0);
}

beforeAll(() => {
  dir = tempDir();
  compiler = commandCompiler();
  install();
  for (let bits = 0; bits < 32; bits++) expect(createPlugin(plugin(bits), join(dir, nameOf(bits))).ok).toBe(true);
}, DEADLINE_MS);

afterAll(async () => {
  await compiler.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe("every combination of options", () => {
  test(
    "loads, registers what it declares, and uses what it asks for",
    async () => {
      const check = async (bits: number) => {
        const report = await checkPlugin(join(dir, nameOf(bits)), { compiler, types: "none", path: undefined });
        expect([nameOf(bits), report.findings.map(issueLine)]).toEqual([nameOf(bits), []]);
      };
      for (let first = 0; first < 32; first += 4) await Promise.all([first, first + 1, first + 2, first + 3].map(check));
    },
    DEADLINE_MS,
  );

  test(
    "passes the type check as its own tsconfig.json has it, its tests too",
    () => {
      for (const bits of TRIED) {
        for (const project of [".", "tests"])
          expect([bits, run([join(ROOT, "node_modules/.bin/tsc"), "-p", project], join(dir, nameOf(bits)))]).toEqual([
            bits,
            { code: 0, output: "" },
          ]);
      }
    },
    DEADLINE_MS,
  );

  test(
    "passes its own linter",
    () => {
      for (let bits = 0; bits < 32; bits++) {
        const linted = run([join(ROOT, "node_modules/.bin/biome"), "check", "--error-on-warnings", "."], join(dir, nameOf(bits)));
        expect([bits, linted.code, linted.code === 0 ? "" : linted.output]).toEqual([bits, 0, ""]);
      }
    },
    DEADLINE_MS,
  );

  test.each(TRIED)(
    "combination %d passes its own tests",
    (bits) => {
      const tested = run([BUN, "test", "--timeout", "60000"], join(dir, nameOf(bits)));
      expect([tested.code, tested.code === 0 ? "" : tested.output]).toEqual([0, ""]);
      expect(tested.output).toContain(" 0 fail");
    },
    DEADLINE_MS,
  );

  test("has only the folders that are used", () => {
    const folders = (bits: number) => ["handlers", "tasks", "utils"].filter((name) => existsSync(join(dir, nameOf(bits), name)));
    expect([0, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000].map(folders)).toEqual([
      [],
      ["handlers"],
      ["tasks"],
      ["handlers"],
      ["utils"],
      ["utils"],
    ]);
  });
});

describe("in an editor", () => {
  test(
    "the installed package's types hold, wrong uses are found, and handlers are typed to the last",
    () => {
      const folder = join(dir, "editor");
      mkdirSync(folder);
      writeFileSync(
        join(folder, "tsconfig.json"),
        '{ "compilerOptions": { "strict": true, "exactOptionalPropertyTypes": true, "noUnusedLocals": true, "module": "Preserve", "moduleResolution": "bundler", "target": "ESNext", "noEmit": true, "types": [] } }',
      );
      writeFileSync(
        join(folder, "plugin.ts"),
        `import { Plugin } from "zephyrgate";
export default class Editor extends Plugin {
  override initialize() {
    this.registerCommand("a", (args, context) => args.join(" ") + context.senderName.toUpperCase());
    const every: number = this.getConfig("every", 3);
    this.log.info(String(every));
  }
}
`,
      );
      const tsc = join(ROOT, "node_modules/.bin/tsc");
      expect(run([tsc, "-p", "."], folder)).toEqual({ code: 0, output: "" });
      const wrong = readFileSync(join(folder, "plugin.ts"), "utf8")
        .replace("every: number", "every: string")
        .replace("senderName", "sender");
      writeFileSync(join(folder, "plugin.ts"), wrong);
      const { output } = run([tsc, "-p", ".", "--pretty", "false"], folder);
      expect(output).toContain("plugin.ts(4,75): error TS2551: Property 'sender' does not exist");
      expect(output).toContain("plugin.ts(5,11): error TS2322");
    },
    DEADLINE_MS,
  );

  test(
    "plugin check reports the author's type errors at their place",
    async () => {
      const folder = join(dir, "typed");
      expect(createPlugin(plugin(1, { name: "typed" }), folder).ok).toBe(true);
      const file = join(folder, "handlers/commands.ts");
      writeFileSync(file, readFileSync(file, "utf8").replace("context.senderName", "context.sender"));
      const report = await checkPlugin(folder, { compiler, types: "ours", path: undefined });
      expect(report.findings.map(issueLine)[0]).toContain(`${file}:13:`);
      expect(report.findings[0]?.message).toContain("TS2551: Property 'sender' does not exist");
    },
    DEADLINE_MS,
  );
});

describe("the local package", () => {
  const tsc = (folder: string) => run([join(ROOT, "node_modules/.bin/tsc"), "-p", ".", "--pretty", "false"], folder).output;

  test(
    "what a realm lacks does not compile in plugin code, and what it has does",
    () => {
      const folder = join(dir, "globals");
      expect(createPlugin(plugin(1, { name: "globals" }), folder).ok).toBe(true);
      const uses = `export const has = [console, setTimeout, setInterval, clearTimeout, clearInterval, queueMicrotask, structuredClone, atob, btoa, crypto, fetch];
export const made = [new URL("http://a"), new URLSearchParams(), new TextEncoder(), new TextDecoder(), new AbortController(), AbortSignal.abort(), new Headers(), Response];
export const text: string = [1, 2].map(String).at(-1) ?? new Map<string, string>().get("a") ?? JSON.stringify(new Date());
export const all = (async () => { for await (const each of (async function* () { yield 1; })()) await Promise.all([each]); })();
`;
      writeFileSync(join(folder, "good.ts"), uses);
      expect(tsc(folder)).toBe("");
      const absent = ["process", "Buffer", "Intl", "Bun", "require", "WebSocket", "document", "XMLHttpRequest", "__dirname", "global"];
      writeFileSync(join(folder, "bad.ts"), absent.map((name) => `export const _${name} = ${name};\n`).join(""));
      const output = tsc(folder);
      for (const [at, name] of absent.entries())
        expect(output).toMatch(new RegExp(`^bad\\.ts\\(${at + 1},\\d+\\): error TS\\d+: Cannot find name '${name}'`, "m"));
    },
    DEADLINE_MS,
  );

  test("the manifest names its schema, which lies beside it; nothing has to come from a registry", () => {
    const folder = join(dir, nameOf(31));
    const [first = ""] = readFileSync(join(folder, "manifest.yaml"), "utf8").split("\n");
    const [, path = ""] = /^# yaml-language-server: \$schema=(.+)$/.exec(first) ?? [];
    expect(JSON.parse(readFileSync(join(folder, path), "utf8"))).toMatchObject({ properties: { name: {}, permissions: {} } });
    const { dependencies = {}, devDependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    expect([dependencies, devDependencies]).toEqual([{}, { zephyrgate: "file:.zephyrgate" }]);
  });

  test.each([
    ["bun", [BUN, "install"]],
    ["npm", ["npm", "install", "--offline", "--no-audit", "--no-fund"]],
  ])(
    "%s installs it without a network, and its tests pass afterwards",
    (name, command) => {
      const folder = join(dir, `offline_${name}`);
      expect(createPlugin(plugin(1, { name: `offline_${name}` }), folder).ok).toBe(true);
      rmSync(join(folder, "node_modules"), { recursive: true });
      writeFileSync(join(folder, ".npmrc"), "registry=http://127.0.0.1:9/\n");
      expect(run(command, folder)).toMatchObject({ code: 0 });
      const tested = run([BUN, "test", "--timeout", "60000"], folder);
      expect([tested.code, tested.code === 0 ? "" : tested.output]).toEqual([0, ""]);
    },
    DEADLINE_MS,
  );
});

describe("names and places", () => {
  test.each([
    ["MyPlugin", "try my_plugin"],
    ["weather-alert", "try weather_alert"],
    ["9lives", "try lives"],
    ["a b", "try a_b"],
    ["", "try my_plugin"],
    ["../evil", "try evil"],
    ["x".repeat(65), `try ${"x".repeat(64)}`],
  ])("%j is refused with one that would do", (name, mend) => {
    expect(nameProblem(name)).toContain(mend);
    const made = createPlugin(plugin(1, { name }), join(dir, "refused"));
    expect(made.ok).toBe(false);
    expect(existsSync(join(dir, "refused"))).toBe(false);
  });

  test.each(["plugin", "map", "help", "sos", "a", "error_plugin", "x".repeat(64), "a__b_"])("%s makes a sound plugin", async (name) => {
    const folder = join(dir, `named_${name}`);
    expect(createPlugin(plugin(31, { name }), folder).ok).toBe(true);
    if (name === "help") {
      // A reserved word is no name for a command: the gateway says so only when it is registered.
      const report = await checkPlugin(folder, { compiler, types: "none", path: undefined });
      expect(report.findings.map(issueLine)).toEqual([]);
    } else expect(await compiler.load(folder)).toMatchObject({ ok: true });
    const linted = run([join(ROOT, "node_modules/.bin/biome"), "check", "--error-on-warnings", "."], folder);
    expect([linted.code, linted.code === 0 ? "" : linted.output]).toEqual([0, ""]);
  });

  test("a folder that is not empty, and texts that no manifest takes, are refused and leave nothing", () => {
    const taken = createPlugin(plugin(1), join(dir, nameOf(1)));
    expect(taken.ok ? "" : taken.error.summary()).toContain("exists already and is not empty (choose another --name or --output");
    const long = createPlugin(plugin(1, { name: "long", description: "x".repeat(501) }), join(dir, "long"));
    expect(long.ok ? "" : long.error.summary()).toContain("--description is longer than 500 characters");
    expect(existsSync(join(dir, "long"))).toBe(false);
  });

  test("a template that is wrong is a fault of ours, said so", () => {
    const view = { values: { a: "1" }, features: { on: true } };
    expect(render("x{{a}}\n{{#on}}\ny\n{{/on}}\n{{^on}}\nz\n{{/on}}", view)).toBe("x1\ny");
    for (const text of ["{{b}}", "{{#off}}\n{{/off}}", "{{#on}}", "{{/on}}"]) expect(() => render(text, view)).toThrow(/template/);
  });
});
