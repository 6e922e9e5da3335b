/** docs/architecture.md and the head comments say where each room runs and what it may touch; here the tree is asked. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { FLOORS, floorOf, HEADS, POWERS, roomOf, SRC, sources } from "./rooms.ts";

const PAGE = await Bun.file(join(import.meta.dir, "../../docs/architecture.md")).text();
const FILES = await sources();
const SIDES = ["realm", "plugin host", "both", "gateway", "command", "browser"];

interface Row {
  readonly rooms: readonly string[];
  readonly side: string;
  readonly touches: readonly string[];
}

/** The rows of the table under a heading: cells without their marks. */
function table(heading: string): string[][] {
  const chapter = PAGE.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  const lines = (chapter ?? "").split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const names = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => (match[1] ?? "").replace(/\/$|\.ts$/g, ""));
const ROWS: Row[] = table("Rooms").map(([rooms = "", side = "", , touches = ""]) => ({
  rooms: names(rooms),
  side,
  touches: touches === "nothing" ? [] : touches.split(", "),
}));
const rowOf = (room: string) => ROWS.find((row) => row.rooms.includes(room));

test("the table of rooms is the tree: one row for each folder and file of src, floor by floor", () => {
  const drawn = ROWS.flatMap((row) => row.rooms);
  const there = readdirSync(SRC).map((name) => name.replace(/\.ts$/, ""));
  expect([...new Set(drawn)].sort()).toEqual([...new Set(there)].sort());
  const floors = drawn.map(floorOf);
  expect(floors).toEqual([...floors].sort((a, b) => a - b));
});

test("each row says on which side of the wall it runs, and what it may touch, in closed words", () => {
  const powers = POWERS.map(({ power }) => power);
  for (const { rooms, side, touches } of ROWS) {
    expect({ rooms, side: SIDES.includes(side) }).toEqual({ rooms, side: true });
    expect({ rooms, unknown: touches.filter((each) => !powers.includes(each)) }).toEqual({ rooms, unknown: [] });
  }
});

test("no file touches what the table does not allow its room", () => {
  const wrong: string[] = [];
  for (const [file, text] of FILES) {
    const code = text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*/g, "");
    for (const { power, shows } of POWERS) {
      if (shows.test(code) && rowOf(roomOf(file))?.touches.includes(power) !== true) wrong.push(`${file}: ${power}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("what the scan for powers finds is there, and what has none is not found", () => {
  const shown = (code: string) => POWERS.filter(({ shows }) => shows.test(code)).map(({ power }) => power);
  expect(shown('import { readFileSync } from "node:fs";')).toEqual(["files"]);
  expect(shown('import { Database } from "bun:sqlite";')).toEqual(["SQLite"]);
  expect(shown("Bun.spawn([])")).toEqual(["programs"]);
  expect(shown("await fetch(url)")).toEqual(["network"]);
  expect(shown('import { connect } from "node:net";')).toEqual(["network"]);
  expect(shown('import { dlopen } from "bun:ffi";')).toEqual(["system calls"]);
  expect(shown('import { isIP } from "node:net"; export async function fetch(input: string) { this.fetch(1); }')).toEqual([]);
});

test("the rooms at the wall begin with one paragraph that says where they run and what they may touch", () => {
  for (const [room, file] of Object.entries(HEADS)) {
    const comment = /^\/\*\*\n([\s\S]*?)\n \*\//.exec((FILES.get(file) ?? "").trimStart())?.[1] ?? "";
    const words = comment.replaceAll(/^ \* ?/gm, "").replaceAll("\n", " ");
    expect({ room, head: /^This room (?:runs|lies) /.test(words), touches: /\bIt may touch /.test(words) }).toEqual({
      room,
      head: true,
      touches: true,
    });
    const side = rowOf(room)?.side === "both" ? "both sides" : (rowOf(room)?.side ?? "?");
    expect({ room, words: words.includes(side) ? side : words }).toEqual({ room, words: side });
  }
});

test("every file of src lies in a room that has a floor", () => {
  expect([...FILES.keys()].filter((file) => floorOf(roomOf(file)) < 0)).toEqual([]);
  expect(new Set(FLOORS.flat()).size).toBe(FLOORS.flat().length);
});

test("every folder and file that the page names is there", () => {
  const named = [...PAGE.matchAll(/`(src\/)?((?:[a-z-]+\/)+(?:[a-z-]+\.ts)?)`/g)].map((match) => match[2] ?? "");
  const known = new Set([...FILES.keys()].flatMap((file) => [file, ...folders(file)]));
  expect(named.length).toBeGreaterThan(30);
  const outside = /^(?:src|test|docs|plugins|examples|templates)\//;
  expect(named.filter((path) => !known.has(path) && !outside.test(path))).toEqual([]);
});

function folders(file: string): string[] {
  const parts = file.split("/").slice(0, -1);
  return parts.map((_, at) => `${parts.slice(0, at + 1).join("/")}/`);
}
