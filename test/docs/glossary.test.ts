/** The words of docs/glossary.md are the project's words: each is in use, and the ones they replaced do not come back. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./blocks.ts";

const PAGE = readFileSync(join(ROOT, "docs/glossary.md"), "utf8");
const ENTRIES = [...PAGE.matchAll(/^- \*\*([^*]+)\*\*: (.+(?:\n {2}.+)*)$/gm)].map(([, term = "", text = ""]) => ({ term, text }));
const SOURCES = new Map(
  [...new Bun.Glob("src/**/*.ts").scanSync(ROOT)].sort().map((file) => [file, readFileSync(join(ROOT, file), "utf8")]),
);
const DOCS = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md") && name !== "glossary.md");

/** Words that were replaced: by their plain form, as a part of any identifier. */
const BANNED = /^(?:leases?|leased|errands?|checkups?|mend(?:s|ed|ing)?|misfits?|murmurs?|stand)$/;
/** Pictures that were names of types. */
const BANNED_TYPES = /^(?:Site|Ground|Air|Stage|Desk|Stand|Lease|Errand|Checkup)$/;

/** A source without comments and texts: what is left is code. */
function codeOf(source: string): string {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(?<=^|\s)\/\/.*/gm, "")
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '""')
    .replace(/`(?:[^`\\]|\\.)*`/g, (text) => [...text.matchAll(/\$\{([^}]*)\}/g)].map((match) => match[1] ?? "").join(" "));
}

function bannedIn(source: string): string[] {
  const code = codeOf(source);
  const words = [...code.matchAll(/[A-Za-z_$][\w$]*/g)].map((match) => match[0]);
  const parts = words.filter((word) => word.split(/(?=[A-Z])|_/).some((part) => BANNED.test(part.toLowerCase())));
  const types = [...code.matchAll(/\b(?:class|interface|type) (\w+)/g)]
    .map((match) => match[1] ?? "")
    .filter((name) => BANNED_TYPES.test(name));
  return [...new Set([...parts, ...types])];
}

test("a term is defined once, in a sentence", () => {
  const terms = ENTRIES.map(({ term }) => term.toLowerCase());
  expect(terms.length).toBeGreaterThan(60);
  expect(terms.filter((term, at) => terms.indexOf(term) !== at)).toEqual([]);
  expect(ENTRIES.filter(({ text }) => !/\.$/.test(text.trim())).map(({ term }) => term)).toEqual([]);
  // Every list item of the page is an entry.
  expect(PAGE.split("\n").filter((line) => line.startsWith("- "))).toHaveLength(ENTRIES.length);
});

test("each term is in use, in the sources or in another page", () => {
  const prose = [...SOURCES.values(), ...DOCS.map((name) => readFileSync(join(ROOT, "docs", name), "utf8"))].join("\n");
  const plain = prose.replace(/\s*\n\s*(?:\*|\/\/)?\s*/g, " ").toLowerCase();
  const code = [...SOURCES.values()].join("\n").toLowerCase();
  const unused = ENTRIES.filter(({ term }) => {
    const words = term.toLowerCase().split(/[ -]/);
    // Prose writes the words apart, code together, a file's name with hyphens, a key of a configuration with underscores.
    return ![" ", "-", "_"].some((joint) => plain.includes(words.join(joint))) && !code.includes(words.join(""));
  });
  expect(unused.map(({ term }) => term)).toEqual([]);
});

test("words that were replaced do not come back in the names of src", () => {
  const found = [...SOURCES].flatMap(([file, text]) => bannedIn(text).map((name) => `${file}: ${name}`));
  expect(found).toEqual([]);
});

test("the search for replaced words sees code alone", () => {
  const text = `\`$${"{checkup_at} lease"}\``;
  const code = `const leaseOf = 1; // a stand\n/** mend */ say("errand", ${text}); interface Stage {}`;
  expect(bannedIn(code)).toEqual(["leaseOf", "checkup_at", "Stage"]);
  expect(bannedIn("release(understand, standing, StageTwo, site)")).toEqual([]);
});
