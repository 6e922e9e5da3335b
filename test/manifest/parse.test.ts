import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { issueLine } from "../../src/errors.ts";
import { effectiveLimits, parseManifest } from "../../src/manifest/parse.ts";
import { gatewayMismatch, isInRange, rangeProblem, versionProblem } from "../../src/manifest/versions.ts";

const BASE = 'name: my_plugin\nversion: "1.0.0"\ndescription: Does things\nauthor: Someone\n';

function lines(text: string): string[] {
  const parsed = parseManifest(text, "m.yaml");
  return parsed.ok ? [] : parsed.error.map(issueLine);
}

test("the spec's manifest holds, but for its Python packages", () => {
  const spec = (packages: string) => `name: my_plugin
version: 1.0.0
description: "Example plugin for ZephyrGate"
author: "Developer Name"
author_email: "dev@example.com"
license: "MIT"
homepage: "https://github.com/user/my_plugin"
zephyrgate:
  min_version: "1.0.0"
  max_version: "2.0.0"
dependencies:
  plugins:
    - name: weather
      version: ">=1.0.0"
      optional: false
    - name: bbs
      version: ">=1.0.0"
      optional: true
${packages}
capabilities:
  commands:
    - name: mycommand
      description: "My custom command"
      usage: "mycommand [args]"
  scheduled_tasks:
    - name: hourly_update
      interval: 3600
  menu_items:
    - menu: utilities
      label: "My Plugin"
      command: myplugin
config:
  schema_file: "config_schema.json"
  defaults:
    enabled: true
    api_key: ""
    update_interval: 300
permissions:
  - send_messages
  - database_access
  - http_requests
  - schedule_tasks
`;
  expect(lines(spec("  packages:\n    - { name: lodash, version: ^4.17.0 }"))).toEqual([]);
  expect(lines(spec("  python_packages:\n    - requests>=2.28.0"))).toEqual([
    "m.yaml:19:3: dependencies.python_packages: plugins run on JavaScript, not on Python (list npm packages under dependencies.packages, as {name, version})",
  ]);
});

test("every problem at once, in the file's order, each with line, field and correction", () => {
  const text = `${BASE}permisions: []
permissions:
  - send_mesages
  - http_requests: { host: [a.b] }
dependencies:
  plugins:
    - { name: a, version: "~=1.4.2" }
    - { name: b, version: 1.10 }
limits: { memory_mb: lots }
capabilities:
  scheduled_tasks:
    - { name: both, interval: 1, cron: "* * * * *" }
`;
  expect(lines(text)).toEqual([
    'm.yaml:5:1: permisions: unknown key "permisions" (did you mean permissions?)',
    'm.yaml:7:5: permissions.0: there is no permission "send_mesages" (did you mean send_messages?)',
    'm.yaml:8:5: permissions.1: http_requests has no key "host" (did you mean hosts?)',
    'm.yaml:11:27: dependencies.plugins.0.version: "~=1.4.2": ~= is not npm syntax (write "~1.4.2")',
    'm.yaml:12:27: dependencies.plugins.1.version: must be text; 1.10 without quotes is not text (write version: "1.10.0")',
    'm.yaml:13:22: limits.memory_mb: must be a number, got "lots"',
    "m.yaml:16:7: capabilities.scheduled_tasks.0: needs either interval or cron (write one of the two)",
  ]);
});

test("an unquoted version says what to write", () => {
  expect(lines(BASE.replace('"1.0.0"', "1.10"))).toEqual([
    'm.yaml:2:10: version: must be text; 1.10 without quotes is not text (write version: "1.10.0")',
  ]);
});

test("keys that start with x- pass anywhere", () => {
  expect(lines(`${BASE}x-note: 1\nlimits: { x-why: big }\n`)).toEqual([]);
});

describe("YAML that means more than it shows is refused", () => {
  const cases: [string, string, string][] = [
    ["a tab", `${BASE}limits:\n\tmemory_mb: 3\n`, "spaces"],
    ["a key twice", `${BASE}author: me\n`, "occurs twice"],
    ["two documents", `${BASE}---\n${BASE}`, "second document"],
    ["an alias", `${BASE}x-a: &a 1\nx-b: *a\n`, "alias"],
    ["a merge key", `${BASE}x-a: { <<: 1 }\n`, "<<"],
    ["__proto__", `${BASE}config: { defaults: { __proto__: { a: 1 } } }\n`, "__proto__"],
    ["a tag", `${BASE}x-a: !!js/function 1\n`, "tag"],
    ["a directive", `%YAML 1.1\n---\n${BASE}`, "directive"],
    ["infinity", `${BASE}x-a: .inf\n`, "finite"],
    ["depth by brackets", `x: ${"[".repeat(20_000)}`, "deeper"],
    ["depth by dashes", "- ".repeat(20_000), "deeper"],
    ["depth by indentation", Array.from({ length: 300 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n"), "deeper"],
    ["size", `# ${"x".repeat(70_000)}`, "larger than 64 KB"],
    ["a list", "- 1", "must be a map"],
    ["nothing", "", "is missing"],
  ];
  for (const [what, text, expected] of cases) {
    test(what, () => expect(lines(text).join("\n")).toContain(expected));
  }
});

test("no small text costs much time", () => {
  const bombs = [
    Array.from({ length: 8000 }, (_, index) => `k${index}:`).join("\n"),
    `x-a: [${"{},".repeat(20_000)}]`,
    "!a ".repeat(20_000),
    '"a" : '.repeat(8000),
  ];
  for (const bomb of bombs) {
    const start = performance.now();
    parseManifest(bomb, "m.yaml");
    expect(performance.now() - start).toBeLessThan(10_000);
  }
});

test("paths stay inside the folder", () => {
  for (const main of ["../x.ts", "/x.ts", "a/../../x.ts", "a\\x.ts", "x.py", "./../x.ts", "a//x.ts"])
    expect(lines(`${BASE}main: '${main}'\n`)).toHaveLength(1);
  for (const main of ["x.ts", "./src/x.js", "src/..x.ts"]) expect(lines(`${BASE}main: '${main}'\n`)).toEqual([]);
});

test("doubles, self-dependence and reversed gateway versions are named", () => {
  const text = `${BASE}zephyrgate: { min_version: "2.0.0", max_version: "1.0.0" }
dependencies: { plugins: [{ name: my_plugin }] }
capabilities: { commands: [{ name: a }, { name: A }] }
`;
  expect(lines(text)).toEqual([
    "m.yaml:5:50: zephyrgate.max_version: max_version 1.0.0 is below min_version 2.0.0 (exchange the two)",
    "m.yaml:6:26: dependencies.plugins: the plugin depends on itself (remove that entry)",
    'm.yaml:7:41: capabilities.commands.1: "a" is listed twice (keep one of them)',
  ]);
});

test("limits above the defaults are raised, above four times refused", () => {
  const parsed = parseManifest(`${BASE}limits: { memory_mb: 64, timeout_s: 5 }\n`, "m.yaml");
  if (!parsed.ok) throw parsed.error;
  const defaults = { memoryMb: 16, sliceMs: 100, timeoutS: 10, storageMb: 16 };
  expect(effectiveLimits(parsed.value, defaults, "m.yaml")).toEqual({
    ok: true,
    value: { limits: { ...defaults, memoryMb: 64, timeoutS: 5 }, raised: ["memoryMb"] },
  });
  const smaller = effectiveLimits(parsed.value, { ...defaults, memoryMb: 15 }, "m.yaml");
  expect(smaller.ok ? [] : smaller.error.map(issueLine)).toEqual([
    "m.yaml: limits.memory_mb: 64 is more than 4 times the default of 15 (ask for at most 60, or raise plugins.limits.memory_mb in the configuration)",
  ]);
});

test("ranges are npm's, prereleases count, max_version is inclusive", () => {
  expect(rangeProblem("~=1.4")).toContain('write "^1.4"');
  expect(rangeProblem("==1.2.3")).toContain('write "1.2.3"');
  expect(rangeProblem("!=1.2.3")).toContain('write "<1.2.3 || >1.2.3"');
  expect(rangeProblem(">=1.0,<2")).toContain('write ">=1.0 <2"');
  expect(rangeProblem(">".repeat(1000))).toContain("longer");
  expect(rangeProblem("^1.2.0 || 3.x")).toBeUndefined();
  expect(versionProblem("1.2")).toContain('"1.2.0"');
  expect(isInRange("2.0.0-beta.1", ">=1.0.0")).toBe(true);
  expect(gatewayMismatch("2.0.0", { max_version: "2.0.0" })).toBeUndefined();
  expect(gatewayMismatch("2.0.1", { max_version: "2.0.0" })).toContain("up to 2.0.0");
  expect(gatewayMismatch("0.9.0", { min_version: "1.0.0" })).toContain("1.0.0 or later");
});

// Feature: third-party-plugin-system, Property 24: Manifest completeness
test("a manifest holds exactly when every required field is there", () => {
  const word = fc.string({ minLength: 1, maxLength: 50 }).filter((text) => text.trim() !== "");
  const fields = fc.record({
    name: fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/),
    version: fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)).map((parts) => parts.join(".")),
    description: word,
    author: word,
  });
  const left = fc.subarray(["name", "version", "description", "author"] as const);
  fc.assert(
    fc.property(fields, left, (all, kept) => {
      const parsed = parseManifest(stringify(Object.fromEntries(kept.map((key) => [key, all[key]])), { version: "1.2" }), "m.yaml");
      if (kept.length === 4) return parsed.ok && parsed.value.name === all.name && parsed.value.author === all.author;
      return (
        !parsed.ok &&
        ["name", "version", "description", "author"].every(
          (key) => kept.includes(key as never) !== parsed.error.some((issue) => issue.field === key),
        )
      );
    }),
    { numRuns: 200 },
  );
});

test("no text makes the parser throw", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ maxLength: 400 }),
        fc
          .array(
            fc.constantFrom(
              "a",
              ":",
              " ",
              "\n",
              "- ",
              "{",
              "}",
              "[",
              "]",
              "&x ",
              "*x",
              "!t ",
              '"',
              "'",
              "|\n",
              "#",
              "\t",
              "? ",
              "---\n",
              "%",
            ),
            { maxLength: 80 },
          )
          .map((parts) => parts.join("")),
      ),
      (text) => {
        const parsed = parseManifest(text, "m.yaml");
        return !parsed.ok && parsed.error.length > 0;
      },
    ),
    { numRuns: 500 },
  );
});
