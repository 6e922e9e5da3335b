import { describe, expect, test } from "bun:test";
import { json, line, note, readAll, readLine, span, table } from "../../src/cli/verb/output.ts";
import type { Io } from "../../src/cli/verb/verb.ts";

function ioOf(...input: (string | Uint8Array)[]) {
  const out: string[] = [];
  const err: string[] = [];
  async function* stdin() {
    yield* input;
  }
  const io: Io = {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    stdin: stdin(),
    env: {},
    cwd: "/",
    isTTY: false,
  };
  return { io, out: () => out.join(""), err: () => err.join("") };
}

describe("output", () => {
  test("a line and a note are one escaped line each, on their own stream", () => {
    const { io, out, err } = ioOf();
    line(io, "a\nb\u001b[2J");
    note(io, "c\r");
    expect([out(), err()]).toEqual(["a\\nb\\x1b[2J\n", "c\\r\n"]);
  });

  test("JSON is one line that a terminal can show", () => {
    const { io, out } = ioOf();
    json(io, { text: "a\u009b\u202eb\n" });
    expect(out().trimEnd()).not.toMatch(/[\u0080-\u009f\u202e\n]/);
    expect(JSON.parse(out())).toEqual({ text: "a\u009b\u202eb\n" });
  });

  test("with --json lines and tables are JSON, too, so that no verb can print anything else", () => {
    const { io, out } = ioOf();
    line({ ...io, asJson: true }, "a\nb");
    table({ ...io, asJson: true }, ["id", "text"], [["m_1", undefined]]);
    table({ ...io, asJson: true }, ["id"], []);
    expect(
      out()
        .trimEnd()
        .split("\n")
        .map((text) => JSON.parse(text)),
    ).toEqual([{ message: "a\nb" }, [{ id: "m_1", text: null }], []]);
  });

  const narrow = (columns: number, head: string[], rows: string[][]) => {
    const { io, out } = ioOf();
    table({ ...io, columns }, head, rows);
    for (const row of out().split("\n")) expect([row, Bun.stringWidth(row) <= columns]).toEqual([row, true]);
    return out();
  };

  test("what is wider than the terminal goes on in the next line of its column, wide characters counted", () => {
    const rows = [
      ["m_1", "short"],
      ["m_2", "a long text of words"],
      ["m_3", "日本語日本語日本語"],
    ];
    expect(narrow(16, ["id", "text"], rows)).toBe(
      "ID   TEXT\nm_1  short\nm_2  a long text\n     of words\nm_3  日本語日本\n     語日本語\n",
    );
  });

  test("where columns do not fit, each value has a line with its name, and nothing is lost", () => {
    const row = ["!0a0b0c0d", "Alpine Rescue", "2 min ago", "46.9123,9.3412"];
    expect(narrow(24, ["id", "name", "heard", "position"], [row, ["!00000002", "-", "-", "x".repeat(30)]])).toBe(
      "ID        !0a0b0c0d\nNAME      Alpine Rescue\nHEARD     2 min ago\nPOSITION  46.9123,9.3412\n\n" +
        "ID        !00000002\nNAME      -\nHEARD     -\nPOSITION  xxxxxxxxxxxxxx\n          xxxxxxxxxxxxxx\n          xx\n",
    );
    for (const columns of [1, 5, 20, 40, 41, 60, 79]) {
      const { io, out } = ioOf();
      table({ ...io, columns }, ["id", "name", "heard", "position"], [row]);
      expect(out().replaceAll(/\s/g, "")).toContain("AlpineRescue".slice(0, columns < 30 ? 5 : 6));
    }
  });

  test("columns line up, also with wide characters, and nothing trails", () => {
    const { io, out } = ioOf();
    table(
      io,
      ["name", "n", "last"],
      [
        ["日本", 1, null],
        ["a\tb", undefined, "x"],
      ],
    );
    expect(out()).toBe("NAME  N  LAST\n日本  1  -\na\\tb  -  x\n");
  });

  test("a table without rows says so", () => {
    const { io, out } = ioOf();
    table(io, ["name"], []);
    expect(out()).toBe("none\n");
  });

  test.each([
    [-5, "0 s"],
    [0.4, "0 s"],
    [89, "89 s"],
    [90, "2 min"],
    [5399, "90 min"],
    [5400, "2 h"],
    [129_599, "36 h"],
    [129_600, "2 d"],
    [864_000, "10 d"],
  ])("%p seconds are %p", (seconds, text) => expect(span(seconds)).toBe(text));
});

describe("standard input", () => {
  test.each([
    [["yes\nno\n"], "yes"],
    [["y", "es\r\n"], "yes"],
    [["yes"], "yes"],
    [[new TextEncoder().encode("yes\n")], "yes"],
    [["\n"], ""],
    [[], ""],
  ])("the first line of %j is %j", async (chunks, first) => {
    expect(await readLine(ioOf(...chunks).io)).toBe(first);
  });

  test("all of it, up to 64 KB", async () => {
    expect(await readAll(ioOf("a\n", new TextEncoder().encode("b")).io)).toBe("a\nb");
    expect(await readAll(ioOf("x".repeat(65_536)).io)).toHaveLength(65_536);
    expect(await readAll(ioOf("x".repeat(65_536), "y").io)).toBeNull();
  });
});
