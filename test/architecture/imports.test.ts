import { expect, test } from "bun:test";
import { dirname, join, normalize, relative } from "node:path";

const SRC = join(import.meta.dir, "../../src");

/**
 * The rooms from the ground up. A room imports only from rooms below it, and from itself; docs/architecture.md draws it.
 * Rooms on one line know nothing of each other.
 */
const FLOORS: readonly (readonly string[])[] = [
  ["errors", "clock", "compiled", "json", "lifetime", "version"],
  ["bus", "correlation", "linux", "sdk"],
  ["log"],
  ["storage", "bridge"],
  ["permissions"],
  ["config", "host"],
  ["manifest"],
  ["mesh", "http", "sandbox"],
  ["events"],
  ["router", "menu", "schedule"],
  ["plugins"],
  ["packages"],
  ["api"],
  ["control"],
  ["gateway"],
  ["authoring", "testing"],
  ["cli"],
  ["main"],
];

/** Two-way folders are forbidden inside a room; the files directly under src are the ground and the process edge. */
const ROOT = ".";

/**
 * The trust wall. What runs in the jailed process reaches only the ground, the wire, the sdk and the grammar of
 * permissions; and only the process edge and the testing kit start what lies inside.
 */
const WALL: readonly { readonly of: string; readonly may: RegExp }[] = [
  { of: "sdk/", may: /^(?:sdk\/|json\.ts$)/ },
  { of: "linux/", may: /^(?:linux\/|errors\.ts$)/ },
  { of: "bridge/", may: /^(?:bridge\/|linux\/|sdk\/boundary\/|(?:clock|errors|json|lifetime)\.ts$)/ },
  { of: "host/", may: /^(?:host\/|bridge\/|linux\/|sdk\/|permissions\/grammar\/|(?:clock|compiled|errors|json|lifetime)\.ts$)/ },
];
const MAY_ENTER_HOST = /^(?:host\/|main\.ts$|testing\/in-process-host\.ts$)/;

const floorOf = (room: string) => FLOORS.findIndex((floor) => floor.includes(room));
const roomOf = (file: string) => file.split("/")[0]?.replace(/\.ts$/, "") ?? "";

interface Arrow {
  readonly from: string;
  readonly to: string;
}

async function arrows(): Promise<Arrow[]> {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const found: Arrow[] = [];
  for await (const file of new Bun.Glob("**/*.ts").scan(SRC)) {
    const text = (await Bun.file(join(SRC, file)).text()).replace(/^#!.*/, "");
    const typed = [...text.matchAll(/(?:import|export)\s+type\s[^;]*?from\s+"(\.[^"]+)"/g)].map((match) => match[1] ?? "");
    const valued = file.endsWith(".d.ts") ? [] : transpiler.scanImports(text).map((entry) => entry.path);
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
