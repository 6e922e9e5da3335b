/** Compares the catalogues of a plugin's languages. */
import type { CatalogueText, TextCatalogue } from "../sdk/index.ts";

/** Bytes of the longest text in a catalogue, without its values. */
const MAX_BYTES = 200;

/**
 * What is wrong with a plugin's catalogues: keys that a language lacks or has too many, placeholders that differ from `en`, one form
 * where `en` has two, empty texts, texts of more than 200 bytes. An empty list: nothing.
 */
export function textProblems(languages: { readonly en: TextCatalogue; readonly [language: string]: TextCatalogue }): string[] {
  return Object.entries(languages).flatMap(([language, catalogue]) => {
    const keys = new Set([...Object.keys(languages.en), ...Object.keys(catalogue)]);
    return [...keys].flatMap((key) => problemsOf(catalogue[key], languages.en[key]).map((problem) => `${language}.${key}: ${problem}`));
  });
}

function problemsOf(entry: CatalogueText | undefined, original: CatalogueText | undefined): string[] {
  if (entry === undefined) return ["is missing"];
  if (original === undefined) return ["is not in en"];
  const forms = formsOf(entry);
  const problems = forms.flatMap((form) => {
    const bytes = Buffer.byteLength(form);
    if (form.trim() === "") return ["is empty"];
    return bytes > MAX_BYTES ? [`has ${bytes} bytes, ${MAX_BYTES} fit one message`] : [];
  });
  if (typeof entry !== typeof original)
    problems.push(typeof original === "string" ? "has two forms, en has one" : "has one form, en has two");
  const [mine, theirs] = [placeholders(entry), placeholders(original)];
  if (mine !== theirs) problems.push(`has the placeholders ${mine || "(none)"}, en has ${theirs || "(none)"}`);
  return problems;
}

function formsOf(entry: CatalogueText): string[] {
  return typeof entry === "string" ? [entry] : [entry.one, entry.other];
}

/** `count` may be left out of a form: "one letter". */
function placeholders(entry: CatalogueText): string {
  const names = new Set(formsOf(entry).flatMap((form) => form.match(/\{[^{}]*\}/g) ?? []));
  return [...names].sort().join(" ");
}
