/** A recording as a file: what it says of itself, and what nobody may see in it. */
import { describe, expect, test } from "bun:test";
import { hide, REDACTED, recordingFile } from "../../src/control/recordings.ts";
import type { Json } from "../../src/json.ts";
import { Recording } from "../../src/plugins/plugin/recording.ts";
import { FakeClock } from "../fake-clock.ts";

const ABOUT = { plugin: "field", version: "1.0.0", gateway: "0.1.0", started: 5 };

function fileOf(lines: readonly (Json | string)[], secrets: readonly string[] = []): Json[] {
  const recording = new Recording(new FakeClock(), 60);
  for (const line of lines) recording.take(`${typeof line === "string" ? line : JSON.stringify(line)}\n`);
  recording.stop("by hand");
  const text = recordingFile(recording, ABOUT, { secrets, mapStack: (stack) => stack.replace("bundle.js", "plugin.ts") });
  expect(text).toEndWith("]\n");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Json);
}

test("the first line says what it is; lines that are none are left out", () => {
  expect(fileOf([["load", 1], "{ broken", { a: 1 }, "", ["end", "x"]])).toEqual([
    { zephyrgate: "recording", format: 1, ...ABOUT, ended: "by hand" },
    ["load", 1],
    ["end", "x"],
  ]);
});

test("a failed call has the author's places", () => {
  const failed = (error: Json): Json => ["failed", 3, error];
  expect(
    fileOf([
      failed({ name: "E", stack: "at bundle.js:1:2" }),
      failed({ name: "E" }),
      failed("text"),
      failed([1]),
      ["out", 1, { stack: "at bundle.js:1:2" }],
    ]).slice(1),
  ).toEqual([
    failed({ name: "E", stack: "at plugin.ts:1:2" }),
    failed({ name: "E" }),
    failed("text"),
    failed([1]),
    ["out", 1, { stack: "at bundle.js:1:2" }],
  ]);
});

describe("secrets", () => {
  test("given by the gateway are hidden wherever they are, in each of their forms, longer ones first", () => {
    const secret = "p@ss word/1";
    const lines: Json[] = [
      ["event", 1, [secret, `Bearer ${secret}!`, { [secret]: encodeURIComponent(secret) }]],
      ["out", 1, [`Basic ${btoa(secret).replace(/=+$/, "")}`, "p@ss word/12"]],
    ];
    expect(fileOf(lines, [secret, "p@ss word/12", ""]).slice(1)).toEqual([
      ["event", 1, [REDACTED, `Bearer ${REDACTED}!`, { [REDACTED]: REDACTED }]],
      ["out", 1, [`Basic ${REDACTED}`, REDACTED]],
    ]);
  });

  test("that are short are hidden only where they are the whole text", () => {
    expect(fileOf([["event", "abc", "abcd", "1234", "x1234"]], ["abc", "1234"]).slice(1)).toEqual([
      ["event", REDACTED, "abcd", REDACTED, `x${REDACTED}`],
    ]);
  });

  test("that the plugin got by getSecret are hidden, too; other answers are not", () => {
    const lines: Json[] = [
      ["out", 1, [7, "get_secret", { name: "token" }]],
      ["out", 1, [8, "get_nodes", null]],
      ["event", 5, ["answer", 7, { ok: true, value: "got-by-asking" }]],
      ["event", 6, ["answer", 8, { ok: true, value: "a node's name" }]],
      ["event", 6, ["call", 7, { ok: true, value: "an argument" }]],
      ["event", 7, ["answer", 7, { ok: false }]],
      ["out", 1, [9, "http_get", "got-by-asking a node's name an argument"]],
    ];
    const file = fileOf(lines);
    expect(file.at(-1)).toEqual(["out", 1, [9, "http_get", `${REDACTED} a node's name an argument`]]);
    expect(file[3]).toEqual(["event", 5, ["answer", 7, { ok: true, value: REDACTED }]]);
  });

  test("by their names, inside headers and configuration alone", () => {
    const fields = {
      token: "a1",
      "api-key": "b",
      apiKey: "c",
      key: "d",
      password: "e",
      Cookie: "f",
      psk: "g",
      keyboard: "h",
      name: "i",
      count: 5,
      secret: "",
    };
    const hidden = {
      token: REDACTED,
      "api-key": REDACTED,
      apiKey: REDACTED,
      key: REDACTED,
      password: REDACTED,
      Cookie: REDACTED,
      psk: REDACTED,
      keyboard: "h",
      name: "i",
      count: 5,
      secret: "",
    };
    expect(hide({ headers: fields, config: { deep: [fields] }, other: fields }, [])).toEqual({
      headers: hidden,
      config: { deep: [hidden] },
      other: fields,
    });
    expect(hide(null, ["null"])).toBeNull();
  });
});
