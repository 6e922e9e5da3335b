import { expect, test } from "bun:test";
import { dirname, join, normalize, relative } from "node:path";

const SRC = join(import.meta.dir, "../../src");

/**
 * The rooms from the ground up. A room imports only from rooms below it, and from itself; docs/architecture.md draws it.
 * Rooms on one line know nothing of each other.
 */
const FLOORS: readonly (readonly string[])[] = [
  ["errors", "clock", "compiled", "lifetime", "sdk", "version"],
  ["bus"],
  ["log"],
  ["storage"],
  ["permissions"],
  ["config"],
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

test("every room stands on a floor", async () => {
  const rooms = new Set((await arrows()).flatMap(({ from, to }) => [roomOf(from), roomOf(to)]));
  expect([...rooms].filter((room) => floorOf(room) < 0)).toEqual([]);
});

test("imports point down", async () => {
  const wrong = (await arrows())
    .filter(({ from, to }) => roomOf(from) !== roomOf(to) && floorOf(roomOf(to)) >= floorOf(roomOf(from)))
    .map(({ from, to }) => `${from} -> ${to}`);
  expect(wrong).toEqual([]);
});

test("no file imports itself in a circle", async () => {
  const graph = new Map<string, string[]>();
  for (const { from, to } of await arrows()) graph.set(from, [...(graph.get(from) ?? []), to]);
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
