import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EMERGENCY_WORDS, parseEmergency } from "../../../src/mesh/emergency/words.ts";

const read = (text: string) => parseEmergency(text, ["!", ""]);

/** The text, the word that it is, and what follows it. */
const CRIES: readonly (readonly [string, string, string])[] = [
  ["SOS", "sos", ""],
  ["sos", "sos", ""],
  ["Sos", "sos", ""],
  ["sOs", "sos", ""],
  ["  SOS  ", "sos", ""],
  ["SOS!", "sos", ""],
  ["SOS!!!!!!!!!!!!!!!!", "sos", ""],
  ["SOS.", "sos", ""],
  ["SOS…", "sos", ""],
  ["sos?", "sos", ""],
  ["SOS—leg", "sos", "leg"],
  ["SOS–leg broken", "sos", "leg broken"],
  ["SOS-leg", "sos", "leg"],
  ["SOS: leg broken", "sos", "leg broken"],
  ["SOS, at the hut", "sos", "at the hut"],
  ["SOS;hut", "sos", "hut"],
  ["SOS/hut", "sos", "hut"],
  ["SOS_hut", "sos", "hut"],
  ["SOS\nhut", "sos", "hut"],
  ["SOS\thut", "sos", "hut"],
  ["SOS leg broken", "sos", "leg broken"],
  ["sos leg broken", "sos", "leg broken"],
  ["sos is anyone there?", "sos", "is anyone there?"],
  ["SOS DE BUENOS AIRES", "sos", "DE BUENOS AIRES"],
  ["sos: de una caida", "sos", "de una caida"],
  ["!sos de una caida", "sos", "de una caida"],
  ["SOS 47.1 8.2", "sos", "47.1 8.2"],
  ["SOS -33.4 -70.6", "sos", "-33.4 -70.6"],
  ["(SOS)", "sos", ""],
  ["[SOS] hut", "sos", "hut"],
  ['"SOS"', "sos", ""],
  ["«SOS»", "sos", ""],
  ["#SOS", "sos", ""],
  ["#sos hut", "sos", "hut"],
  ["@SOS", "sos", ""],
  ["*SOS*", "sos", ""],
  ["**SOS** hut", "sos", "hut"],
  ["!SOS", "sos", ""],
  ["!!!SOS!!!", "sos", ""],
  ["! sos", "sos", ""],
  ["/sos", "sos", ""],
  ["...SOS...", "sos", ""],
  ["¡SOS!", "sos", ""],
  ["🆘", "sos", ""],
  ["🆘 hut", "sos", "hut"],
  ["🆘🆘🆘", "sos", ""],
  ["🚨 SOS 🚨", "sos", ""],
  ["🔴SOS🔴hut", "sos", "hut"],
  ["❗️SOS", "sos", ""],
  ["S.O.S.", "sos", ""],
  ["S.O.S", "sos", ""],
  ["s o s", "sos", ""],
  ["S O S help me", "sos", "help me"],
  ["S-O-S", "sos", ""],
  ["s.o.s.p", "sosp", ""],
  ["SOSSOS", "sos", ""],
  ["SOSSOSSOS hut", "sos", "hut"],
  ["SOS SOS SOS", "sos", "SOS SOS"],
  ["ＳＯＳ", "sos", ""],
  ["ｓｏｓ　hut", "sos", "hut"],
  ["𝐒𝐎𝐒", "sos", ""],
  ["𝓼𝓸𝓼", "sos", ""],
  ["ⓢⓞⓢ", "sos", ""],
  ["🅢🅞🅢", "sos", ""],
  ["🅂🄾🅂", "sos", ""],
  ["🆂🅾🆂", "sos", ""],
  ["🇸🇴🇸", "sos", ""],
  ["S\u200bO\u200bS", "sos", ""],
  ["\u200bSOS", "sos", ""],
  ["\ufeffSOS", "sos", ""],
  ["S\u00adO\u00adS", "sos", ""],
  ["\u202eSOS\u202c", "sos", ""],
  ["SOS\ufe0f", "sos", ""],
  ["S\u0337O\u0337S\u0337", "sos", ""],
  ["ЅОЅ", "sos", ""],
  ["SΟS", "sos", ""],
  ["SOSP", "sosp", ""],
  ["sosf: smoke", "sosf", "smoke"],
  ["SOSM chest pain", "sosm", "chest pain"],
  ["MAYDAY", "mayday", ""],
  ["Mayday, mayday, mayday", "mayday", "mayday, mayday"],
  ["mayday-mayday", "mayday", "mayday"],
  ["MAYDAYMAYDAY", "mayday", ""],
];

const TALK: readonly string[] = [
  "Sos de Buenos Aires?",
  "sos de acá?",
  "¿Sos de Buenos Aires?",
  "sos un genio",
  "Sos muy bueno",
  "sos el mejor",
  "Sos una grosa!",
  "sos vos?",
  "soso",
  "sossy",
  "SOSO",
  "sosa",
  "SOS1234",
  "xsos",
  "send sos",
  "what does SOS mean",
  "no SOS",
  "is this an SOS?",
  "vos sos de acá",
  "may day",
  "May Day parade",
  "maydays",
  "só s",
  "sós",
  "s o",
  "so so",
  "SO S",
  "ALERT SOS from Alice: leg broken",
  "",
  "!",
  "🆗",
];

describe("emergency words", () => {
  test.each(CRIES)("%j is a cry for help", (text, word, rest) => {
    expect(read(text)).toEqual({ word, rest });
  });

  test.each(TALK)("%j is none", (text) => {
    expect(read(text)).toBeNull();
  });

  test("there are at least sixty spellings", () => {
    expect(new Set(CRIES.map(([text]) => text)).size).toBeGreaterThanOrEqual(60);
    expect(new Set(CRIES.map(([, word]) => word))).toEqual(new Set(EMERGENCY_WORDS));
  });

  test("the longest prefix is taken off, also one of letters", () => {
    expect(parseEmergency("!!sos", ["!", "!!"])).toEqual({ word: "sos", rest: "" });
    expect(parseEmergency("zgsos hut", ["zg"])).toEqual({ word: "sos", rest: "hut" });
    expect(parseEmergency("zgsos hut", ["!"])).toBeNull();
    expect(parseEmergency("sos hut", ["so"])).toEqual({ word: "sos", rest: "hut" });
  });

  test("whatever surrounds the word and is no letter, it is found; no text makes the reading throw", () => {
    const around = fc.stringMatching(/^[\p{P}\p{S}\p{Z}\p{Cf}]{0,20}$/u).filter((text) => !/[\u{1f150}-\u{1f1ff}]/u.test(text));
    fc.assert(
      fc.property(around, around, fc.constantFrom(...EMERGENCY_WORDS), (before, after, word) => {
        fc.pre(/^[^\p{L}\p{N}]*$/u.test(`${before}${after}`.normalize("NFKC")));
        expect(read(before + word + after)?.word).toBe(word);
      }),
      { numRuns: 1_000 },
    );
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => void read(text)));
  });

  test("a long text costs little", () => {
    const started = performance.now();
    for (const text of ["s ".repeat(100_000), "!".repeat(200_000), `sos${" ".repeat(200_000)}x`, "\u200b".repeat(200_000)]) read(text);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
