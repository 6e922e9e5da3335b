import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { handleNumber } from "../../src/ids.ts";
import { parseEmergency } from "../../src/mesh/emergency/words.ts";
import { compileKeyword, matchKeyword } from "../../src/router/match/keywords.ts";
import { parseArguments, parseCommand, wordsOf } from "../../src/router/match/parse.ts";
import { Registry } from "../../src/router/match/registry.ts";

const NO = { mayOverride: false };

describe("commands", () => {
  test("prefixes, case and composition", () => {
    expect(parseCommand("  !PING now", ["!"])).toEqual({ name: "ping", args: ["now"] });
    expect(parseCommand("ping", ["!"])).toBeNull();
    expect(parseCommand("!", ["!"])).toBeNull();
    expect(parseCommand("! ping", ["!"])).toBeNull();
    expect(parseCommand("!!ping", ["!", "!!", ""])?.name).toBe("ping");
    expect(parseCommand("CAFE\u0301", [""])?.name).toBe("café");
  });

  test("quotes keep blanks; one that never ends reaches to the end", () => {
    expect(parseArguments(` a "b  c" “d e” don't "f g`)).toEqual(["a", "b  c", "d e", "don't", "f g"]);
    expect(parseArguments(' "" x')).toEqual(["", "x"]);
  });

  test("any text parses, in linear time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const args = parseArguments(text);
        expect(args.length).toBeLessThanOrEqual(100);
        for (const arg of args) expect(text).toContain(arg);
        parseEmergency(text, ["!"]);
        wordsOf(text);
      }),
      { numRuns: 500 },
    );
    const from = performance.now();
    for (const unit of ['"', " ", "a ", '"a', "!.", "!"]) {
      parseCommand(unit.repeat(200_000), ["!", ""]);
      parseEmergency(unit.repeat(200_000), ["!"]);
    }
    expect(performance.now() - from).toBeLessThan(5_000);
  });
});

describe("keywords", () => {
  const matches = (pattern: string, text: string) => {
    const compiled = compileKeyword(pattern);
    if (!compiled.ok) throw compiled.error;
    return matchKeyword(compiled.value, wordsOf(text));
  };

  test("whole words, side by side, whatever the case and the punctuation", () => {
    expect(matches("Good Morning", "well, GOOD morning!")).toEqual(["good", "morning"]);
    expect(matches("good morning", "good old morning")).toBeNull();
    expect(matches("art", "start")).toBeNull();
    expect(matches("can't", "I can't.")).toEqual(["can't"]);
  });

  test("wildcards", () => {
    expect(matches("storm*", "Stormy weather")).toEqual(["stormy"]);
    expect(matches("*storm", "thunderstorm!")).toEqual(["thunderstorm"]);
    expect(matches("*under*", "thunderstorm")).toEqual(["thunderstorm"]);
    expect(matches("th*orm", "thunderstorm")).toEqual(["thunderstorm"]);
    expect(matches("ab*ba", "aba")).toBeNull();
    expect(matches("call * now", "please call bob now")).toEqual(["call", "bob", "now"]);
  });

  test("patterns that could match all or cost time are refused", () => {
    for (const pattern of ["", "  ", "*", "* *", "a*b*c", "**", "x".repeat(65), "a b c d e f g h i"])
      expect(compileKeyword(pattern).ok).toBe(false);
  });
});

describe("registry", () => {
  test("names are normalised; conflicts are told; lookups know aliases", () => {
    const registry = new Registry("!");
    expect(registry.add("a", handleNumber(1), { kind: "command", name: "Weather", aliases: ["WX"] }, NO).ok).toBe(true);
    expect(registry.add("b", handleNumber(2), { kind: "command", name: "wx", priority: 5 }, NO).ok).toBe(true);
    expect(registry.commands("wx").map((entry) => entry.plugin)).toEqual(["b", "a"]);
    expect(registry.others("a", "WX")).toEqual(["b"]);
    expect(registry.names(false)).toEqual(["weather", "wx"]);
    expect(registry.add("a", handleNumber(1), { kind: "command", name: "x" }, NO).ok).toBe(false);
    registry.remove("a", handleNumber(1));
    registry.remove("a", handleNumber(1));
    expect(registry.commands("weather")).toEqual([]);
  });

  test("reserved words need override_commands and are no aliases", () => {
    const registry = new Registry("!");
    for (const name of ["SOS", "sosp", "mayday", "help"]) {
      const refused = registry.check("a", { kind: "command", name }, NO);
      expect(refused.ok ? "" : [refused.error.code, refused.error.hint?.includes("override_commands")]).toEqual([
        "permission_denied",
        true,
      ]);
      expect(registry.check("a", { kind: "command", name }, { mayOverride: true }).ok).toBe(true);
      expect(registry.check("a", { kind: "command", name: "x", aliases: [name] }, { mayOverride: true }).ok).toBe(false);
    }
    expect(registry.size).toBe(0);
  });

  test("what cannot be typed as a command is refused with the reason", () => {
    const registry = new Registry("!");
    for (const name of ["", "two words", "!bang", "x".repeat(33), 'q"', "a\u0000", "\u202ex"]) {
      const refused = registry.check("a", { kind: "command", name }, NO);
      expect(refused.ok ? "taken" : refused.error.code).toBe("invalid_argument");
    }
    expect(registry.check("a", { kind: "task" }, NO).ok).toBe(false);
  });

  test("whatever is added and removed, nothing is left", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            name: fc.constantFrom("a", "b", "c"),
            plugin: fc.constantFrom("p", "q"),
            kind: fc.constantFrom("command", "keyword", "message"),
          }),
          { maxLength: 40 },
        ),
        (list) => {
          const registry = new Registry("!");
          for (const [handle, { name, plugin, kind }] of list.entries())
            expect(registry.add(plugin, handleNumber(handle), { kind, name, pattern: name } as { kind: string }, NO).ok).toBe(true);
          for (const name of ["a", "b", "c"])
            expect(registry.commands(name)).toHaveLength(list.filter((each) => each.kind === "command" && each.name === name).length);
          for (const [handle, { plugin }] of list.entries()) registry.remove(plugin, handleNumber(handle));
          expect([registry.size, registry.names(true).length, registry.keywords("a b c").length, registry.messages("text").length]).toEqual(
            [0, 0, 0, 0],
          );
        },
      ),
    );
  });
});
