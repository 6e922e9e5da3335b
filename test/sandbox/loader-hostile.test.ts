import { afterAll, afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { OPTIONAL_WALLS } from "../../src/bridge/launch.ts";
import { systemClock } from "../../src/clock.ts";
import { fail, issueLine } from "../../src/errors.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { Compiler } from "../../src/sandbox/loader/compiler.ts";
import { jailedCompiler, type LaunchCompiler } from "../../src/sandbox/loader/compiler-process.ts";
import { loadPlugin } from "../../src/sandbox/loader/load.ts";
import { resolveModule } from "../../src/sandbox/loader/resolve.ts";
import { embeddedSource, folderSource } from "../../src/sandbox/loader/source.ts";
import { launchHost } from "../../src/sandbox/process-launch.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "hostile-")));
const evil = join(root, "EVIL");
const outside = join(root, "outside.ts");
writeFileSync(outside, 'export const secret = "outside";');
const compilers: Compiler[] = [];
afterAll(async () => {
  for (const compiler of compilers) await compiler.stop();
  rmSync(root, { recursive: true });
});
// Whatever else a test shows: nothing a plugin brought along has run.
afterEach(() => expect(existsSync(evil)).toBe(false));

let count = 0;
function folder(files: Record<string, string>): string {
  const path = join(root, String(count++));
  mkdirSync(path);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

async function load(path: string, main?: string): Promise<{ code: string; lines: string }> {
  const source = folderSource(path);
  const loaded = source.ok ? await loadPlugin(source.value, main) : source;
  return loaded.ok
    ? { code: loaded.value.code, lines: "" }
    : { code: "", lines: loaded.error.map((issue) => issueLine(issue).replaceAll(`${path}/`, "")).join("\n") };
}

async function embedded(files: Record<string, string>): Promise<string> {
  const loaded = await loadPlugin(embeddedSource("crowd", files));
  return loaded.ok ? "" : loaded.error.map(issueLine).join("\n");
}

const RUN = `require("node:fs").writeFileSync(${JSON.stringify(evil)}, "1"); export const x = () => 1; export default x;`;

describe("import attributes", () => {
  for (const type of [
    "macro",
    "text",
    "file",
    "sqlite",
    "sqlite_embedded",
    "toml",
    "yaml",
    "html",
    "css",
    "napi",
    "wasm",
    "bunsh",
    "base64",
    "tsx",
  ]) {
    test(type, async () => {
      const { lines } = await load(
        folder({ "plugin.ts": `import * as x from "./evil.ts" with { type: "${type}" };\nexport default x;`, "evil.ts": RUN }),
      );
      expect(lines).toContain(`plugin.ts:1:20: "./evil.ts": is imported as "${type}"`);
    });
  }

  test("in any spelling, and of outside files", async () => {
    for (const text of [
      `import { x } from "./evil.ts" /* c */ with /* c */ { "type": 'macro' }; export default x();`,
      `import { x } from "./evil.ts" assert { type: "macro" }; export default x();`,
      `export { x as default } from "./evil.ts" with { type: "macro" };`,
      `import { x } from "./evil.ts" with { type: "m\\u0061cro" }; export default x();`,
      `export default await import("./evil.ts", { with: { type: "macro" } });`,
      `import { x } from "macro:./evil.ts"; export default x();`,
      `import { x } from "zephyrgate" with { type: "macro" }; export default x();`,
      `import { x } from "${outside}" with { type: "macro" }; export default x();`,
      `import x from "${outside}" with { type: "text" }; export default x;`,
      `import x from "../outside.ts" with { type: "file" }; export default x;`,
    ]) {
      const { code, lines } = await load(folder({ "plugin.ts": text, "evil.ts": RUN }));
      expect([text, code, lines === ""]).toEqual([text, "", false]);
    }
  });
});

describe("paths out of the folder", () => {
  test("links: a file, a folder, the entry, a package, a loop", async () => {
    const path = folder({
      "plugin.ts": 'import "./link.ts"; import "./up/outside.ts"; import "pkg"; import "./loop.ts"; export default 1;',
    });
    mkdirSync(join(path, "node_modules"));
    symlinkSync(outside, join(path, "link.ts"));
    symlinkSync("..", join(path, "up"));
    symlinkSync(root, join(path, "node_modules/pkg"));
    symlinkSync("loop.ts", join(path, "loop.ts"));
    const { lines } = await load(path);
    expect(lines.split("\n").filter((line) => line.includes("leads out of the plugin's folder"))).toHaveLength(3);
    expect(lines).toContain('"./loop.ts"');
    const entry = folder({});
    symlinkSync(outside, join(entry, "plugin.ts"));
    expect((await load(entry)).lines).toContain("leads out of the plugin's folder");
  });

  test("dots, doubled slashes, backslashes, NUL, escapes, capitals", async () => {
    const specifiers = [
      "../outside.ts",
      "./a/../../outside.ts",
      "./..//outside.ts",
      "..\\\\outside.ts",
      "./a\\u0000.ts",
      "./%2e%2e/outside.ts",
      `/${outside}`,
      `file://${outside}`,
      "C:/x.ts",
      "./a.ts?x",
      "x/../../../outside.ts",
      ".../outside.ts",
      "~/x",
    ];
    const path = folder({
      "plugin.ts":
        specifiers.map((specifier, index) => `import * as x${index} from "${specifier}";`).join("\n") +
        `export default [${specifiers.map((_, index) => `x${index}`)}]`,
    });
    const { lines } = await load(path);
    expect(specifiers.filter((_, index) => !lines.includes(`plugin.ts:${index + 1}:`))).toEqual([]);
    expect((await load(folder({ "plugin.ts": 'import * as x from ""; export default x;' }))).lines).toContain("plugin.ts:1:20: ");
  });

  test("package.json: exports, imports, main, module, browser", async () => {
    for (const json of [
      '{"exports": "../../../outside.ts"}',
      '{"exports": {".": "./a/../../../../outside.ts"}}',
      '{"exports": {".": {"import": "/etc/passwd"}}}',
      '{"main": "../../../outside.ts"}',
      '{"main": "/etc/passwd", "module": "../../../outside.ts"}',
      '{"exports": {".": "./../../../outside.ts"}}',
      '{"exports": {".": ["file:///etc/passwd", "http://x/"]}}',
      "[]",
      "{",
      `{"exports": ${'{"import":'.repeat(5000)}1${"}".repeat(5000)}}`,
    ]) {
      const path = folder({ "plugin.ts": 'import * as p from "p"; export default p;', "node_modules/p/package.json": json });
      const { code, lines } = await load(path);
      expect([json.slice(0, 60), code, lines.startsWith("plugin.ts:1:20: ")]).toEqual([json.slice(0, 60), "", true]);
    }
    for (const target of ["../outside.ts", outside, "node:fs", "#a", "./../outside.ts"]) {
      const path = folder({
        "plugin.ts": 'import * as p from "#a"; export default p;',
        "package.json": JSON.stringify({ imports: { "#a": target }, browser: { "./plugin.ts": "../outside.ts" } }),
      });
      expect((await load(path)).lines).toContain("plugin.ts:1:20: ");
    }
    const remapped = folder({
      "plugin.ts": 'import a from "./a.ts"; export default a;',
      "a.ts": "export default 'inside';",
      "package.json": '{"browser": {"./a.ts": "../outside.ts"}, "sideEffects": false}',
    });
    expect((await load(remapped)).code).toContain("inside");
  });
});

describe("files that are none, or too much", () => {
  test("a pipe, a folder and a device as the entry", async () => {
    const pipe = folder({});
    Bun.spawnSync(["mkfifo", join(pipe, "plugin.ts")]);
    expect((await load(pipe)).lines).toContain("a pipe, not a file");
    mkdirSync(join(pipe, "plugin.js"));
    expect((await load(pipe, "plugin.js")).lines).toContain("missing");
    const device = folder({ "plugin.ts": 'import z from "./zero.ts"; export default z;' });
    symlinkSync("/dev/zero", join(device, "zero.ts"));
    expect((await load(device)).lines).toContain("leads out");
  });

  test("a huge file, a huge sum, too many modules", async () => {
    const huge = folder({ "plugin.ts": "" });
    truncateSync(join(huge, "plugin.ts"), 5 * 2 ** 30);
    expect((await load(huge)).lines).toContain("larger than 2 MB");
    const names = Array.from({ length: 6 }, (_, index) => `f${index}.ts`);
    const filler = `export default 1; /*${"x".repeat(1_900_000)}*/`;
    const sum = await embedded({
      "plugin.ts": `${names.map((name, index) => `import a${index} from "./${name}";`).join("")}export default [a0,a1,a2,a3,a4,a5];`,
      ...Object.fromEntries(names.map((name) => [name, filler])),
    });
    expect(sum).toContain("above 8 MB");
    const many = Array.from({ length: 2100 }, (_, index) => `m${index}.ts`);
    const crowd = await embedded({
      "plugin.ts": `${many.map((name) => `import "./${name}";`).join("")}export default 1;`,
      ...Object.fromEntries(many.map((name) => [name, "globalThis.a = 1;"])),
    });
    expect(crowd).toContain("more than 2000");
  }, 120_000);

  test("folders and files that others may write to", async () => {
    const path = folder({ "plugin.ts": 'import a from "./lib/a.ts"; export default a;', "lib/a.ts": "export default 1;" });
    chmodSync(join(path, "lib"), 0o777);
    expect((await load(path)).lines).toContain("chmod o-w");
    chmodSync(join(path, "lib"), 0o755);
    chmodSync(join(path, "lib/a.ts"), 0o646);
    expect((await load(path)).lines).toContain("chmod o-w");
    chmodSync(join(path, "lib/a.ts"), 0o644);
    expect((await load(path)).lines).toBe("");
    chmodSync(path, 0o1777);
    expect((await load(path)).lines).toContain("give the plugin a folder of its own");
    chmodSync(path, 0o755);
    const inner = join(root, "open", "inner");
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, "plugin.ts"), "export default 1;");
    chmodSync(join(root, "open"), 0o777);
    expect((await load(inner)).lines).toContain("chmod o-w");
  });

  test("deep nesting is an error, not a crash", async () => {
    const deep = (open: string, close: string) => `export default ${open.repeat(200_000)}1${close.repeat(200_000)};`;
    for (const text of [
      deep("(", ")"),
      deep("[", "]"),
      deep("!", ""),
      deep("a=>", ""),
      deep("`${", "}`"),
      deep("1+", ""),
      deep("a?b:", ""),
    ]) {
      const { lines } = await load(folder({ "plugin.ts": text.slice(0, 1_900_000) }));
      expect(lines === "" || lines.startsWith("plugin.ts")).toBe(true);
    }
    const json = folder({
      "plugin.ts": 'import a from "./a.json"; export default a;',
      "a.json": `${"[".repeat(200_000)}${"]".repeat(200_000)}`,
    });
    expect((await load(json)).lines).toContain("a.json");
  });
});

test("files that tools read by themselves change nothing: tsconfig, bunfig, .env, source maps, pragmas", async () => {
  process.env.HOSTILE_SECRET = "from-the-environment";
  const path = folder({
    "plugin.ts": `/** @jsxImportSource evil */ /** @jsxRuntime automatic */
/// <reference path="../outside.ts" />
import a from "@alias/outside";
import b from "mapped";
export default [a, b, process.env.HOSTILE_SECRET, process.env.FROM_DOTENV, import.meta.env];
//# sourceMappingURL=/etc/passwd
//# sourceMappingURL=data:application/json;base64,eyJzb3VyY2VzIjpbIi9ldGMvcGFzc3dkIl19`,
    "tsconfig.json": JSON.stringify({
      extends: outside,
      compilerOptions: {
        baseUrl: "..",
        paths: { "@alias/*": ["../*"], mapped: ["../outside.ts"] },
        jsx: "react-jsx",
        jsxImportSource: "evil",
      },
    }),
    "bunfig.toml": 'preload = ["./evil.ts"]\n[bundle]\nentryPoints = ["./evil.ts"]\n[macros]\n"react" = {"x" = "./evil.ts"}\n',
    ".env": "FROM_DOTENV=dotenv-value\nNODE_ENV=evil",
    "evil.ts": RUN,
    "node_modules/mapped/index.js": "module.exports = 'package';",
    "node_modules/@alias/outside/index.js": "module.exports = 'package2';",
  });
  // From inside the folder too, as `plugin check .` does.
  const script = join(root, "inside.ts");
  writeFileSync(
    script,
    `import { embeddedSource, folderSource } from ${JSON.stringify(join(import.meta.dir, "../../src/sandbox/loader/source.ts"))};
import { loadPlugin } from ${JSON.stringify(join(import.meta.dir, "../../src/sandbox/loader/load.ts"))};
const source = folderSource(process.argv[2]);
if (!source.ok) throw source.error;
process.chdir(process.argv[2]);
const loaded = await loadPlugin(source.value);
console.log(loaded.ok ? loaded.value.code + loaded.value.map : JSON.stringify(loaded.error));`,
  );
  const child = Bun.spawnSync([process.execPath, script, path], { cwd: root, env: { HOSTILE_SECRET: "from-the-environment" } });
  for (const code of [(await load(path)).code, child.stdout.toString()]) {
    expect(code).toContain("package2");
    for (const word of ['outside"', "from-the-environment", "dotenv-value", "root:"])
      expect([word, code.includes(word)]).toEqual([word, false]);
  }
});

test("a hundred bundlings at once, six times, leave no memory behind", async () => {
  const path = folder({ "plugin.ts": `import a from "./a.ts"; export default [a, ${'"x",'.repeat(2000)}];`, "a.ts": "export default 1;" });
  const hundred = async () => {
    const all = await Promise.all(Array.from({ length: 100 }, () => load(path)));
    expect(new Set(all.map((each) => each.code)).size).toBe(1);
    Bun.gc(true);
  };
  for (let round = 0; round < 2; round += 1) await hundred();
  const before = process.memoryUsage().rss;
  for (let round = 0; round < 4; round += 1) await hundred();
  expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(150);
}, 120_000);

/** A process that reports no walls and does not bundle. */
const pretender =
  (code: string): LaunchCompiler =>
  () => {
    const main = join(folder({ "main.ts": `import { writeSync } from "node:fs"; console.log('{"walls":[]}'); ${code}` }), "main.ts");
    const entry = { main, readable: ["/"] };
    return launchHost({ databases: [], allowMissing: OPTIONAL_WALLS, clock: systemClock, log: silentLogger, entry });
  };
const launch = jailedCompiler({ allowMissing: [], clock: systemClock, log: silentLogger });

describe("the compiler's own process", () => {
  const compiler = (limits: { deadlineMs?: number; memoryBytes?: number } = {}) => {
    const made = new Compiler({ launch, clock: systemClock, limits });
    compilers.push(made);
    return made;
  };
  const good = () => folder({ "plugin.ts": "export default 1;" });
  const doubling = (steps: number) =>
    `enum A { a0 = "${"x".repeat(64)}", ${Array.from({ length: steps }, (_, index) => `a${index + 1} = a${index} + a${index}`).join(",")} } export default A.a${steps};`;

  test("loads as loadPlugin does, errors too, one after the other", async () => {
    const own = compiler();
    const path = good();
    const [first, second] = await Promise.all([own.load(path), own.load(folder({ "plugin.ts": "export default (;" }))]);
    expect(first.ok ? first.value.code : "").toBe((await load(path)).code);
    expect(second.ok ? [] : second.error[0]).toMatchObject({ line: 1, column: 17 });
  });

  test("a process that cannot be started fails that plugin alone, and the next one is tried anew", async () => {
    const own = new Compiler({ launch: async () => fail("host_gone", "no memory"), clock: systemClock });
    compilers.push(own);
    own.warm(["/nowhere"]);
    for (const path of [good(), good()]) {
      const answer = await own.load(path);
      expect(answer.ok ? [] : answer.error).toEqual([
        { file: path, message: "the bundler's process could not be started: no memory", hint: expect.any(String) },
      ]);
    }
  });

  test("an error of its own refuses that plugin alone", async () => {
    let fails = true;
    const clock = {
      ...systemClock,
      after: (...given: Parameters<typeof systemClock.after>) => {
        if (fails) throw new Error("no timer");
        return systemClock.after(...given);
      },
    };
    const own = new Compiler({ launch, clock });
    compilers.push(own);
    const refused = await own.load(good());
    expect(refused.ok ? "" : refused.error[0]?.message).toMatch(/could not be started|failed: no timer/);
    fails = false;
    expect((await own.load(good())).ok).toBe(true);
  });

  test("an enum that doubles and `export *` of crowds end at the memory limit, and the next plugin loads", async () => {
    const own = compiler({ memoryBytes: 150 * 2 ** 20 });
    const bomb = await own.load(folder({ "plugin.ts": doubling(24) }));
    expect(bomb.ok ? "" : bomb.error[0]?.message).toMatch(/too much memory|grows above|crashed/);
    const names = Array.from({ length: 300 }, (_, index) => `m${index}.ts`);
    const crowd = folder({
      "plugin.ts": `${names.map((name, index) => `import * as n${index} from "./${name}";`).join("")}export default [${names.map((_, index) => `n${index}`)}];`,
      "base.ts": `export const ${Array.from({ length: 20_000 }, (_, index) => `a${index}=1`).join(",")};`,
      ...Object.fromEntries(names.map((name) => [name, 'export * from "./base.ts";'])),
    });
    const stars = await own.load(crowd);
    expect(stars.ok ? "" : stars.error[0]?.message).toMatch(/too much memory|too long|crashed/);
    expect((await own.load(good())).ok).toBe(true);
  }, 120_000);

  test("a deadline, a process that dies or talks nonsense, and stop", async () => {
    const slow = new Compiler({ launch: pretender("setInterval(() => {}, 1000)"), clock: systemClock, limits: { deadlineMs: 100 } });
    const late = await slow.load(good());
    expect(late.ok ? "" : late.error[0]?.message).toContain("too long");
    for (const answer of ["", "{}", '{"ok":true,"value":{"code":1}}', '{"ok":false,"error":[]}', "x"]) {
      const code = answer === "" ? "process.exit(1)" : `writeSync(4, ${JSON.stringify(`${answer}\n`)}); setInterval(() => {}, 1000)`;
      const broken = await new Compiler({ launch: pretender(code), clock: systemClock }).load(good());
      expect(broken.ok ? "" : broken.error[0]?.message).toMatch(/no valid answer|crashed/);
    }
    const stopping = new Compiler({ launch: pretender("setInterval(() => {}, 1000)"), clock: systemClock });
    const waiting = stopping.load(good());
    await Bun.sleep(50);
    await stopping.stop();
    await stopping.stop();
    expect((await waiting).ok).toBe(false);
    expect((await stopping.load(good())).ok).toBe(false);
  });

  test("it ends with its gateway, in the middle of work too", async () => {
    const launched = await launch([folder({ "plugin.ts": doubling(23) })]);
    if (!launched.ok) throw launched.error;
    const { process: child, readFd, writeFd, page } = launched.value;
    writeSync(writeFd, `${JSON.stringify({ folder: folder({ "plugin.ts": doubling(23) }) })}\n`);
    closeSync(writeFd);
    expect(await child.exited).toBe(0);
    closeSync(readFd);
    page?.close();
  });

  test("its environment is empty and macros do not run there either", async () => {
    const own = compiler();
    const result = await own.load(
      folder({ "plugin.ts": 'import { x } from "./evil.ts" with { type: "macro" }; export default x();', "evil.ts": RUN }),
    );
    expect(result.ok).toBe(false);
  });
});

test("no specifier, from no importer, is looked for outside the folder", () => {
  const pieces = [
    "..",
    ".",
    "/",
    "\\",
    "a",
    "node_modules",
    "p",
    "#a",
    "@x",
    "%2e",
    "\0",
    "file:",
    "node:",
    "~",
    "*",
    " ",
    "zephyrgate",
    "index",
    ".ts",
    "package.json",
    "?",
  ];
  const specifier = fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((parts) => parts.join(""));
  const json = fc.constantFrom(
    '{"exports": {"./*": "./../../*"}}',
    '{"main": "../../a.ts"}',
    '{"imports": {"#a*": "./../*"}}',
    '{"exports": "./*"}',
    '{"module": "/a"}',
  );
  fc.assert(
    fc.property(
      specifier,
      fc.constantFrom("", "plugin.ts", "a/b/c.ts", "node_modules/p/index.js"),
      json,
      fc.boolean(),
      (wanted, importer, text, isRequire) => {
        const tree = {
          label: "t",
          look: (path: string) => {
            if (path.startsWith("/") || path.split("/").includes("..") || path.includes("\0")) throw new RangeError(path);
            const isFile = /\.(?:ts|js|json)$/.test(path);
            return { kind: isFile ? ("file" as const) : ("folder" as const), path };
          },
          read: () => ({ ok: true as const, value: text }),
        };
        const resolved = resolveModule(tree, wanted, importer, isRequire ? "require" : "import");
        return !resolved.ok || resolved.value.kind !== "file" || !resolved.value.path.split("/").includes("..");
      },
    ),
    { numRuns: 2000 },
  );
});
