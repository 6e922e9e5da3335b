/** Blocks that are not TypeScript: manifests, configurations, commands, JSON, units and drawings. None is unchecked. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import packageJson from "../../package.json" with { type: "json" };
import { parseCommandLine } from "../../src/cli/parser/parse.ts";
import { VERBS } from "../../src/cli/verbs/all.ts";
import { loadConfig } from "../../src/config/load.ts";
import { type Issue, issueLine } from "../../src/errors.ts";
import { parseManifest } from "../../src/manifest/parse.ts";
import { manifestSchema } from "../../src/manifest/schema.ts";
import { parseScript } from "../../src/mesh/script/parse.ts";
import { parseEntry, SCOPE_SCHEMAS } from "../../src/permissions/grammar/descriptor.ts";
import { PERMISSION_NAMES } from "../../src/permissions/grammar/types.ts";
import { db } from "../../src/sdk/database.ts";
import { Plugin } from "../../src/sdk/index.ts";
import { allBlocks, type Block, placeOf, ROOT } from "./blocks.ts";
import { headOf } from "./snippets.ts";

const blocks = allBlocks();
const of = (...languages: string[]) => blocks.filter((block) => languages.includes(block.language));
const dir = mkdtempSync(join(tmpdir(), "zephyrgate-docs-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("every block is of a language that some test reads", () => {
  const read = ["ts", "yaml", "json", "sh", "ini", "text", ""];
  expect(blocks.filter((block) => !read.includes(block.language)).map((block) => `${placeOf(block)}: ${block.language}`)).toEqual([]);
  const marks = ["message", "cli", "output", "tree", "python", "day"];
  const unread = of("text").filter((block) => !marks.includes(block.mark?.kind ?? ""));
  expect(unread.map((block) => `${placeOf(block)}: needs one of the marks ${marks.join(", ")}`)).toEqual([]);
});

test("every manifest, whole or in part, is one", () => {
  const manifestKeys = Object.keys(manifestSchema.entries);
  for (const block of of("yaml").filter((each) => isManifest(each, manifestKeys))) {
    const whole = /^name:/m.test(block.text) ? block.text : `${headOf("documented")}${block.text}`;
    expect(`${placeOf(block)}: ${problems(parseManifest(whole, block.file))}`).toBe(`${placeOf(block)}: `);
  }
});

/** A list of steps for the simulated mesh. */
const isScript = ({ text }: { readonly text: string }) => text.startsWith("- ") && parseScript(text, "script").ok;

test("the page about the simulated mesh has a script that is one, and names every fault", () => {
  const scripts = of("yaml").filter((each) => each.file === "docs/simulator.md");
  expect(scripts.filter((each) => !isScript(each)).map(placeOf)).toEqual([]);
  expect(scripts.length).toBeGreaterThan(0);
  const page = readFileSync(join(ROOT, "docs/simulator.md"), "utf8");
  const known = parseScript("- { fail: nothing }", "x");
  const words = known.ok ? [] : (known.error.message.match(/one of (.*)/)?.[1] ?? "").split(", ");
  expect(words.length).toBeGreaterThan(10);
  for (const word of words) expect(page).toContain(`\`${word.split(":")[0]}`);
});

test("every other YAML block is a configuration that loads", () => {
  const manifestKeys = Object.keys(manifestSchema.entries);
  const configurations = of("yaml").filter((each) => !isManifest(each, manifestKeys) && !isScript(each));
  expect(configurations.length).toBeGreaterThan(2);
  for (const block of configurations) {
    const file = join(dir, "config.yaml");
    writeFileSync(file, block.text);
    const loaded = loadConfig({ flags: { config: file }, env: {}, cwd: dir, home: dir });
    expect(`${placeOf(block)}: ${problems(loaded)}`).toBe(`${placeOf(block)}: `);
  }
});

test("every JSON block is JSON", () => {
  for (const block of of("json")) {
    for (const text of block.mark?.kind === "lines" ? block.text.split("\n") : [block.text]) {
      expect(() => JSON.parse(text), placeOf(block)).not.toThrow();
    }
  }
});

test("every command line is one that the program understands", () => {
  const wrong = of("sh").flatMap((block) =>
    commandsOf(block.text).flatMap((line) => {
      const problem = problemOf(line);
      return problem === null ? [] : [`${placeOf(block)}: ${line}: ${problem}`];
    }),
  );
  expect(wrong).toEqual([]);
});

test("every unit is one", () => {
  for (const block of of("ini")) for (const line of block.text.split("\n")) expect(line).toMatch(/^(?:\[\w+\]|\w+=.*|#.*|)$/);
});

test("drawings name rooms and files that are there", () => {
  // The page of the command line is made from the help of the verbs, and draws nothing.
  for (const block of of("").filter(({ file }) => file !== "docs/command-line.md")) {
    for (const [name] of block.text.matchAll(/\b[a-z]+\/[a-z][a-z-]*\b/g)) {
      expect(`${name}: ${["", ".ts"].some((end) => existsSync(join(ROOT, "src", name + end)))}`).toBe(`${name}: true`);
    }
  }
});

test("a drawn folder has only what the template has", () => {
  for (const block of of("text").filter((each) => each.mark?.kind === "tree")) {
    const names = block.text
      .split("\n")
      .slice(1)
      .flatMap((line) => (line.split(/ {3,}/).find((part) => part.trim() !== "") ?? "").trim().split(" "));
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) expect(`${name}: ${existsSync(join(ROOT, block.mark?.detail ?? "", name))}`).toBe(`${name}: true`);
  }
});

test("the migration tables name what there is, and the Python example only what they name", () => {
  const page = readFileSync(join(ROOT, "docs/migrating-from-python.md"), "utf8");
  const rows = page
    .slice(page.indexOf("## Methods"), page.indexOf("## Context"))
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  expect(rows.length).toBeGreaterThan(20);
  const methods: string[] = [];
  for (let shape = Plugin.prototype; shape !== Object.prototype; shape = Object.getPrototypeOf(shape))
    methods.push(...Object.getOwnPropertyNames(shape));
  const there = new Set([...methods, ...Object.keys(db).map((name) => `db.${name}`), "log.info"]);
  for (const row of rows) {
    const here = row.split("|")[2] ?? "";
    for (const [, name = ""] of here.matchAll(/`(?:await |this\.)?((?:db\.|log\.)?\w+)(?:\(|`)/g)) expect([...there]).toContain(name);
  }
  for (const block of of("text").filter((each) => each.mark?.kind === "python")) {
    for (const [, name = ""] of block.text.matchAll(/self\.(\w+)\(/g)) expect(page).toContain(`| \`${name}(`);
  }
});

test("the permission guide has every permission with every scope key", () => {
  const page = readFileSync(join(ROOT, "docs/permissions.md"), "utf8");
  for (const name of PERMISSION_NAMES) {
    const row = page.split("\n").find((line) => line.startsWith(`| [\`${name}\`]`)) ?? "";
    expect(page).toContain(`### ${name}\n`);
    for (const key of Object.keys(SCOPE_SCHEMAS[name].entries)) expect(`${name}: ${row}`).toContain(`\`${key}\``);
  }
});

test("every limit that the page names is the default of the configuration", () => {
  const page = readFileSync(join(ROOT, "docs/PLUGIN_DEVELOPMENT.md"), "utf8");
  const loaded = loadConfig({ flags: {}, env: {}, cwd: dir, home: dir });
  const { memory_mb, slice_ms, timeout_s, storage_mb, http } = loaded.ok ? loaded.value.config.plugins.limits : { http: "" };
  for (const row of [
    `| memory | ${memory_mb} MB |`,
    `| ${slice_ms} ms | \`limits.slice_ms\``,
    `| ${timeout_s} s | \`limits.timeout_s\``,
    `| database | ${storage_mb} MB |`,
  ])
    expect(page).toContain(row);
  expect(http).toBe("100/min");
});

test("the guide for authors has its seven chapters with all their sections", () => {
  const page = readFileSync(join(ROOT, "docs/PLUGIN_DEVELOPMENT.md"), "utf8");
  const chapters = {
    "1. Getting started": ["Overview", "Quick start", "Hello World"],
    "2. Plugin architecture": ["Lifecycle", "Base class and types", "Manifest"],
    "3. API reference": [
      ...["Plugin class", "Commands", "Messages and keywords", "Scheduled tasks"],
      ...["Menus", "Storage", "HTTP client", "Configuration"],
    ],
    "4. Advanced topics": [
      ...["Inter-plugin communication", "Database access", "Permission system"],
      ...["Error handling best practices", "Performance considerations"],
    ],
    "5. Testing plugins": ["Unit testing", "Mocking ZephyrGate interfaces", "Integration testing", "Debugging"],
    "6. Packaging and distribution": ["Directory structure", "Manifest requirements", "Dependency management", "Versioning"],
    "7. Troubleshooting": ["Common errors", "Debugging tools", "Log analysis", "Performance profiling"],
  };
  for (const [chapter, sections] of Object.entries(chapters)) {
    const [, text = ""] = page.split(`\n## ${chapter}\n`);
    const own = text.split(/\n## /)[0] ?? "";
    for (const section of sections) expect(own, `${chapter}: ${section}`).toContain(`\n### ${section}\n`);
  }
});

test("every link inside the documentation leads somewhere", async () => {
  const files = [...new Set(blocks.map((block) => block.file)), "docs/permissions.md"];
  const broken: string[] = [];
  for (const file of new Set(files)) {
    const text = await Bun.file(join(ROOT, file)).text();
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const full = path === "" ? join(ROOT, file) : join(ROOT, file, "..", path);
      if (!existsSync(full)) broken.push(`${file}: ${target}`);
      else if (anchor !== undefined && full.endsWith(".md") && !anchorsOf(await Bun.file(full).text()).has(anchor))
        broken.push(`${file}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
});

function isManifest(block: Block, keys: readonly string[]): boolean {
  const value = parse(block.text) as Record<string, unknown> | null;
  return Object.keys(value ?? {}).every((key) => keys.includes(key) || key.startsWith("x-"));
}

function problems(result: { readonly ok: true } | { readonly ok: false; readonly error: readonly Issue[] }): string {
  return result.ok ? "" : result.error.map(issueLine).join("; ");
}

/** Without comments, with continued lines joined. */
function commandsOf(text: string): string[] {
  return text
    .replace(/\\\n\s*/g, " ")
    .split("\n")
    .map((line) => line.replace(/(?:^|\s)#.*$/, "").trim())
    .filter((line) => line !== "");
}

const PERMISSION_VERBS = /^permission (?:grant|deny|revoke|why)$/;

function problemOf(line: string): string | null {
  const words = wordsOf(line.includes(" | ") ? (line.split(" | ").at(-1) ?? "") : line);
  if (words[0] === "sudo") words.shift();
  if (words[0] === "bunx" || (words[0] === "npx" && words[1] === "bun")) words.shift();
  if (words[0] === "bun" && words[1] === "run" && words[2] === "zephyrgate") words.splice(0, 2);
  if (words[0] === "bun" && words[1] === "run") return Object.hasOwn(packageJson.scripts, words[2] ?? "") ? null : "no such script";
  const script = words[1] === "run" ? words[2] : words[1];
  if (words[0] === "npm" && (words[1] === "run" || ["start", "test"].includes(script ?? "")))
    return Object.hasOwn(packageJson.scripts, script ?? "") ? null : "no such script";
  if (words[0] !== "zephyrgate")
    return /^(?:bun (?:install|test|add|pm)|npm (?:install|ci)|cd|mkdir|cp|cat|echo|git|curl|jq|ssh|usermod|export|(?:sudo )?(?:cp|nano|systemctl|docker compose)) ?/.test(
      line,
    )
      ? null
      : "not known to the test";
  const given = words.slice(1);
  const parsed = parseCommandLine(
    VERBS,
    given.filter((word) => word !== "<" && !word.startsWith("./secret")),
    80,
  );
  if (parsed.kind !== "run") return parsed.kind === "wrong" ? (parsed.message ?? "no verb") : null;
  const entry = PERMISSION_VERBS.test(parsed.verb.name) ? parsed.args[1] : undefined;
  if (entry === undefined) return null;
  const permission = parseEntry(entry.includes(":") ? parse(entry) : entry);
  return permission.ok ? null : permission.error.summary();
}

function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|[^\s'"]+/g)].map(([all, single, double]) => single ?? double ?? all);
}

function anchorsOf(text: string): Set<string> {
  const titles = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) => title);
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}
