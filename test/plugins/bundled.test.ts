/** What holds for every bundled plugin: narrow permissions, complete translations, and what a reader needs. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { TextCatalogue } from "../../src/sdk/index.ts";
import { startTestGateway, type TestGateway, type TestOptions, textProblems } from "../../src/testing/index.ts";

const ROOT = join(import.meta.dir, "../../plugins");
const NAMES = readdirSync(ROOT).filter((name) => existsSync(join(ROOT, name, "manifest.yaml")));

type Entry = string | { readonly [permission: string]: { readonly [key: string]: unknown } };

/** `plugins/NAME/tests/story.ts`: what the plugin is for, needing each of its permissions. */
interface Story {
  story(gateway: TestGateway): Promise<void>;
  readonly options?: Partial<TestOptions>;
}

/** Keys that are put together of a beginning and a value. */
const COMPOSED: readonly RegExp[] = [/^(?:help|kind|outcome|menu|moment)_/];

function permissionsOf(name: string): readonly Entry[] {
  return (parse(readFileSync(join(ROOT, name, "manifest.yaml"), "utf8")) as { readonly permissions: readonly Entry[] }).permissions;
}

/** The list without each of its entries, and without each value of an entry's scope that lists several. */
function narrower(entries: readonly Entry[]): { readonly without: string; readonly grant: readonly Entry[] }[] {
  return entries.flatMap((entry, at) => {
    const rest = entries.filter((_, index) => index !== at);
    const whole = { without: JSON.stringify(entry), grant: rest };
    if (typeof entry === "string") return [whole];
    const parts = Object.entries(entry).flatMap(([permission, scope]) =>
      Object.entries(scope).flatMap(([key, values]) =>
        !Array.isArray(values) || values.length < 2
          ? []
          : values.map((value: unknown) => ({
              without: `${permission}.${key} ${String(value)}`,
              grant: [...rest, { [permission]: { ...scope, [key]: values.filter((each) => each !== value) } }],
            })),
      ),
    );
    return [whole, ...parts];
  });
}

async function tells(name: string, grant: readonly Entry[] | "all"): Promise<void> {
  const { story, options } = (await import(join(ROOT, name, "tests/story.ts"))) as Story;
  await using gateway = await startTestGateway({ plugin: join(ROOT, name), mayFail: true, ...options, grant } as TestOptions);
  await story(gateway);
}

describe.each(NAMES)("%s", (name) => {
  test("does what it is for with what it asks for, and not without any part of it", async () => {
    await tells(name, "all");
    const entries = permissionsOf(name);
    expect(entries.length).toBeGreaterThan(0);
    for (const { without, grant } of narrower(entries)) {
      const works = await tells(name, grant).then(
        () => true,
        () => false,
      );
      expect({ without, works }).toEqual({ without, works: false });
    }
  });

  test("has the same texts in every language", async () => {
    const folder = join(ROOT, name, "locales");
    const languages: { [language: string]: TextCatalogue } = {};
    for (const file of readdirSync(folder)) {
      languages[file.replace(/\.ts$/, "")] = ((await import(join(folder, file))) as { default: TextCatalogue }).default;
    }
    expect(Object.keys(languages).sort()).toContainValues(["de", "en"]);
    const { en = {}, ...others } = languages;
    expect(textProblems({ en, ...others })).toEqual([]);
  });

  test("uses every text", async () => {
    const path = join(ROOT, name, "locales/en.ts");
    const files = (readdirSync(join(ROOT, name), { recursive: true }) as string[]).filter((file) =>
      /^(?!locales|tests|node_modules|vendor).*\.ts$/.test(file),
    );
    const sources = files.map((file) => readFileSync(join(ROOT, name, file), "utf8")).join("\n");
    const { default: en } = (await import(path)) as { default: TextCatalogue };
    const unused = Object.keys(en).filter((key) => !sources.includes(`"${key}"`));
    expect(unused.filter((key) => !COMPOSED.some((pattern) => pattern.test(key)))).toEqual([]);
  });

  test("throws no plain Error, whose words no user could act on", () => {
    for (const file of readdirSync(join(ROOT, name), { recursive: true }) as string[]) {
      if (!/\.ts$/.test(file) || /^(?:tests|vendor)/.test(file)) continue;
      expect({ file, plain: /throw new (?:Type|Range)?Error\(/.test(readFileSync(join(ROOT, name, file), "utf8")) }).toEqual({
        file,
        plain: false,
      });
    }
  });

  test("has a README that names its commands and permissions", () => {
    const readme = readFileSync(join(ROOT, name, "README.md"), "utf8");
    for (const entry of permissionsOf(name)) {
      const [permission = ""] = typeof entry === "string" ? [entry] : Object.keys(entry);
      expect(readme).toContain(`\`${permission}\``);
    }
  });
});
