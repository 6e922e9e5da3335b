import { describe, expect, test } from "bun:test";
import { COMMON, type Flags, misuse, parseArgs, textFlag } from "../../src/cli/verb/verb.ts";

const TABLE = { ...COMMON, follow: "switch", yes: "switch", output: "text", limit: "text" } as const;
const parse = (...argv: string[]) => parseArgs(argv, TABLE);

describe("flags and arguments", () => {
  test.each<[string[], string[], Flags]>([
    [[], [], {}],
    [["a", "b"], ["a", "b"], {}],
    [["--limit", "3", "a"], ["a"], { limit: "3" }],
    [["a", "--limit=3"], ["a"], { limit: "3" }],
    [["--limit=", "a"], ["a"], { limit: "" }],
    [["--limit=a=b=c"], [], { limit: "a=b=c" }],
    [["a", "--json", "b"], ["a", "b"], { json: true }],
    [["-f", "-y", "a"], ["a"], { follow: true, yes: true }],
    [["-o", "file"], [], { output: "file" }],
    [["-h"], [], { help: true }],
    [["-"], ["-"], {}],
    [["--limit", "-1"], [], { limit: "-1" }],
    [["--limit", "--json"], [], { limit: "--json" }],
    [["--limit", "1", "--limit", "2"], [], { limit: "2" }],
    [["a", "--", "--json", "-f", "--"], ["a", "--json", "-f", "--"], {}],
    [["--"], [], {}],
  ])("%j: arguments %j, flags %j", (argv, args, flags) => {
    expect(parse(...argv)).toEqual({ ok: true, args, flags });
  });

  test.each([
    [["--limt", "3"], "--limt"],
    [["--limt=3"], "--limt"],
    [["-x"], "-x"],
    [["--f"], "--f"],
    [["--constructor", "x"], "--constructor"],
    [["--__proto__=x"], "--__proto__"],
    [["---json"], "---json"],
  ])("%j: an unknown flag is named as it was typed, without its value", (argv, unknown) => {
    expect(parse(...argv)).toEqual({ ok: false, unknown });
  });

  test.each([
    [["--limit"], "--limit needs a value"],
    [["a", "-o"], "--output needs a value"],
    [["--json=yes"], "--json takes no value"],
    [["-f="], "--follow takes no value"],
  ])("%j: %s", (argv, message) => {
    expect(parse(...argv)).toEqual({ ok: false, message });
  });

  test("a flag's text is read as text only", () => {
    const flags = { limit: "3", json: true } as const;
    expect(["limit", "json", "other"].map((name) => textFlag(flags, name))).toEqual(["3", undefined, undefined]);
  });

  test("a value that cannot be is a usage error", () => {
    const refused = misuse("--limit must be a number");
    expect(refused).toMatchObject({
      ok: false,
      error: { code: "invalid_argument", message: "--limit must be a number", data: { usage: true } },
    });
  });
});
