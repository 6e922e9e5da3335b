/** Packages that were written for Node and can do without it: what they try to have, `browser`, and whose import is to blame. */
import { expect, test } from "bun:test";
import { issueLine } from "../../src/errors.ts";
import { loadPlugin } from "../../src/sandbox/loader/load.ts";
import { embeddedSource } from "../../src/sandbox/loader/source.ts";
import { DEADLINE, spec, watcher, withHost } from "./support.ts";

const BASE = 'import { Plugin } from "zephyrgate";\n';

async function load(files: Readonly<Record<string, string>>) {
  const loaded = await loadPlugin(embeddedSource("probe", files));
  return loaded.ok
    ? { code: loaded.value.code, lines: [] }
    : { code: null, lines: loaded.error.map((issue) => issueLine(issue).replaceAll("bundled:probe/", "")) };
}

/** What the plugin logs while a realm loads it. */
async function says(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const { code, lines } = await load(files);
  if (code === null) return lines;
  const seen = watcher();
  await withHost(async (host) => {
    const opened = await host.open(spec(code), seen.events);
    if (!opened.ok) throw opened.error;
    await opened.value.call({ kind: "health" }, [], DEADLINE).outcome;
  });
  return seen.logs.map(({ message }) => message);
}

const plugin = (body: string) => `${BASE}${body}\nexport default class extends Plugin {}`;

test("a require in a try throws when it is run, in a package and in the author's own file", async () => {
  const guarded = "let util = 'none'; try { util = require('util'); } catch (e) { util = e.code; } module.exports = util;";
  const files = {
    "plugin.ts": plugin(
      `import a from "pkg"; import b from "deep"; let own = "none"; try { own = require("fs"); } catch (e) { own = e.message; } console.log(a, b, own);`,
    ),
    "node_modules/pkg/index.js": guarded,
    "node_modules/deep/index.js":
      "var t = `$" +
      "{{ a: 1 }.a}`; function f() { try { if (t) { return require('not-installed'); } } catch { return 'absent'; } } module.exports = f();",
  };
  expect(await says(files)).toEqual([
    'MODULE_NOT_FOUND absent Cannot find module "fs": it is built into Node, and plugins do not run in it',
  ]);
});

test("an import() in a package rejects when it is run; the package's other code works", async () => {
  const files = {
    "plugin.ts": plugin(`import { twice, lazy } from "pkg"; console.log(twice(2)); lazy().catch((e) => console.log(e.code));`),
    "node_modules/pkg/package.json": '{"module": "index.js"}',
    "node_modules/pkg/index.js":
      "export const twice = (n) => 2 * n; export const lazy = async () => (await import('node:worker_threads')).x;",
  };
  expect(await says(files)).toEqual(["4", "MODULE_NOT_FOUND"]);
});

test("a guarded require does not excuse a plain one of the same module, nor one after the try", async () => {
  for (const body of [
    "try { require('net'); } catch {} module.exports = require('net');",
    "try { f(); } catch { require('net'); }",
    "const o = { try: 1 }; { require('net'); }",
  ]) {
    const { lines } = await load({ "plugin.ts": plugin('import "pkg";'), "node_modules/pkg/index.js": body });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toStartWith(
      'plugin.ts:2:8: "pkg": uses "net", which is built into Node, and plugins do not run in it (node_modules/pkg/index.js:1)',
    );
  }
});

test("the refusal names the author's own import, however deep the package lies", async () => {
  const { lines } = await load({
    "plugin.ts": plugin('import { x } from "./lib/feeds.ts"; console.log(x);'),
    "lib/feeds.ts": 'import { a } from "outer";\nexport const x = a;',
    "node_modules/outer/index.js": "exports.a = require('inner/lib/x');",
    "node_modules/outer/node_modules/inner/lib/x.js": "\n\nconst http = require('http');\nconst two = require('gone');",
  });
  expect(lines).toEqual([
    'lib/feeds.ts:1:19: "outer": uses "http", which is built into Node, and plugins do not run in it (node_modules/outer/node_modules/inner/lib/x.js:3) (use a package that needs no Node; docs/packages.md lists some that were tried)',
  ]);
});

test("browser: an entry, files and packages replaced, false for nothing", async () => {
  const files = {
    "plugin.ts": plugin('import a from "entry"; import b from "mapped"; console.log(a, JSON.stringify(b));'),
    "node_modules/entry/package.json": '{"main": "node.js", "browser": "web.js"}',
    "node_modules/entry/node.js": "module.exports = require('http');",
    "node_modules/entry/web.js": "module.exports = 'web';",
    "node_modules/mapped/package.json":
      '{"main": "./index", "browser": {"./lib/node.js": "./lib/web.js", "fs": false, "node-only": "entry", "./lib/none": false}}',
    "node_modules/mapped/index.js":
      "module.exports = [require('./lib/node'), require('fs'), require('node-only'), require('./lib/none.js')];",
    "node_modules/mapped/lib/node.js": "module.exports = require('net');",
    "node_modules/mapped/lib/web.js": "module.exports = 'mapped';",
    "node_modules/mapped/lib/none.js": "module.exports = require('tls');",
  };
  expect(await says(files)).toEqual(['web ["mapped",{},"web",{}]']);
});

test("a file that browser replaces need not be there: a package of a plugin holds what it uses", async () => {
  const files = {
    "plugin.ts": plugin('import a from "pkg"; import b from "pkg/lib/node.js"; console.log(a, b);'),
    "node_modules/pkg/package.json": '{"main": "./node", "browser": {"./node.js": "./web.js", "./lib/node.js": "./lib/web.js"}}',
    "node_modules/pkg/web.js": "module.exports = require('./lib/node') + '!';",
    "node_modules/pkg/lib/web.js": "module.exports = 'web';",
  };
  expect(await says(files)).toEqual(["web! web"]);
  const circle = { "node_modules/pkg/package.json": '{"main": "./a.js", "browser": {"./a.js": "./b.js", "./b.js": "./a.js"}}' };
  expect((await load({ "plugin.ts": plugin('import "pkg";'), ...circle, "node_modules/pkg/x.js": "" })).lines).toHaveLength(1);
});

test("browser never leads out of its package", async () => {
  for (const target of ["./../../plugin.ts", "./node_modules/x/index.js", "/etc/passwd", "file:///etc/passwd"]) {
    const { lines } = await load({
      "plugin.ts": plugin('import "pkg";'),
      "node_modules/pkg/package.json": JSON.stringify({ browser: { "./index.js": target } }),
      "node_modules/pkg/index.js": "",
    });
    expect(lines).toHaveLength(1);
  }
});
