import { expect, test } from "bun:test";
import { dirname, join, normalize, relative } from "node:path";
import { type Arrow, floorOf, MAY_ENTER_BROWSER, MAY_ENTER_HOST, roomOf, SRC, sources, WALL } from "./rooms.ts";

/** Two-way folders are forbidden inside a room; the files directly under src are the ground and the process edge. */
const ROOT = ".";

async function arrows(): Promise<Arrow[]> {
  const transpilers = { ts: new Bun.Transpiler({ loader: "ts" }), tsx: new Bun.Transpiler({ loader: "tsx" }) };
  const found: Arrow[] = [];
  for await (const file of new Bun.Glob("**/*.{ts,tsx}").scan(SRC)) {
    const text = (await Bun.file(join(SRC, file)).text()).replace(/^#!.*/, "");
    const typed = [...text.matchAll(/(?:import|export)\s+type\s[^;]*?from\s+"(\.[^"]+)"/g)].map((match) => match[1] ?? "");
    const valued = file.endsWith(".d.ts")
      ? []
      : transpilers[file.endsWith("x") ? "tsx" : "ts"].scanImports(text).map((entry) => entry.path);
    const listed = [...text.matchAll(/from\s+"(\.[^"]+)"/g)].map((match) => match[1] ?? "");
    for (const target of new Set([...typed, ...valued, ...listed])) {
      if (!target.startsWith(".")) continue;
      const to = relative(SRC, normalize(join(SRC, dirname(file), target)));
      if (!to.startsWith("..")) found.push({ from: file, to });
    }
  }
  return found;
}

const ALL = await arrows();

test("every room stands on a floor", () => {
  const rooms = new Set(ALL.flatMap(({ from, to }) => [roomOf(from), roomOf(to)]));
  expect([...rooms].filter((room) => floorOf(room) < 0)).toEqual([]);
});

test("imports point down", () => {
  const wrong = ALL.filter(({ from, to }) => roomOf(from) !== roomOf(to) && floorOf(roomOf(to)) >= floorOf(roomOf(from)));
  expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
});

test("what runs inside the jail reaches nothing of the gateway", () => {
  const wrong = ALL.filter(({ from, to }) => WALL.some(({ of, may }) => from.startsWith(of) && !may.test(to)));
  expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
});

test("nothing of the gateway imports what runs inside the jail", () => {
  const wrong = ALL.filter(({ from, to }) => to.startsWith("host/") && !MAY_ENTER_HOST.test(from));
  expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
});

test("of the sdk, whatever runs outside a realm imports types alone, the list of operations, the form of topics, and host and debugger the operation numbers", async () => {
  const wrong: string[] = [];
  for (const [file, text] of await sources()) {
    if (file.startsWith("sdk/")) continue;
    for (const [, type, target = ""] of text.matchAll(/^(?:import|export) (type )?[^;]*?from "(\.[^"]*\/sdk\/[^"]*)";/gm)) {
      const isList =
        /\/sdk\/boundary\/(?:operations|topics)\.ts$/.test(target) ||
        (/^(?:host|debugger)\//.test(file) && target.endsWith("sdk/boundary/ops.ts"));
      if (type === undefined && !isList) wrong.push(`${file} -> ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("what runs in the browser imports types alone, and the one counter of parts", async () => {
  const wrong: string[] = [];
  for (const [file, text] of await sources()) {
    if (!file.startsWith("console/")) continue;
    for (const [, type, target = ""] of text.matchAll(/^(?:import|export) (type )?[^;]*?from "(\.[^"]*)";/gm)) {
      const to = relative(SRC, normalize(join(SRC, dirname(file), target)));
      if (type === undefined && !MAY_ENTER_BROWSER.test(to)) wrong.push(`${file} -> ${to}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(ALL.filter(({ from, to }) => to.startsWith("console/") && !from.startsWith("console/"))).toEqual([]);
});

test("two folders never import each other", () => {
  const folders = new Map<string, string>();
  for (const { from, to } of ALL) if (dirname(from) !== dirname(to)) folders.set(`${dirname(from)} -> ${dirname(to)}`, `${from} -> ${to}`);
  const twoWay: string[] = [];
  for (const [arrow, example] of folders) {
    const [from = "", to = ""] = arrow.split(" -> ");
    const back = folders.get(`${to} -> ${from}`);
    if (back !== undefined && from < to && from !== ROOT) twoWay.push(`${from} <-> ${to} (${example}; ${back})`);
  }
  expect(twoWay).toEqual([]);
});

test("no file imports itself in a circle", () => {
  const graph = new Map<string, string[]>();
  for (const { from, to } of ALL) graph.set(from, [...(graph.get(from) ?? []), to]);
  const circles: string[] = [];
  const state = new Map<string, "open" | "done">();
  const visit = (file: string, path: readonly string[]) => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      circles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      return;
    }
    state.set(file, "open");
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    state.set(file, "done");
  };
  for (const file of graph.keys()) visit(file, []);
  expect(circles).toEqual([]);
});
