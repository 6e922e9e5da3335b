/** All plugins of the program and all examples beside each other: while nobody asks they say nothing, and long lists answer as short ones. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { startTestGateway } from "../../src/testing/index.ts";

const ROOT = join(import.meta.dir, "../..");
const foldersOf = (name: string) =>
  readdirSync(join(ROOT, name)).flatMap((each) => (existsSync(join(ROOT, name, each, "manifest.yaml")) ? [join(ROOT, name, each)] : []));

test("all plugins and all examples use no airtime in a day without a question", async () => {
  const plugin = [...foldersOf("plugins"), ...foldersOf("examples")];
  expect(plugin.length).toBe(18);
  await using gateway = await startTestGateway({
    plugin,
    nodes: ["Alice", "Bob"],
    operators: ["Bob"],
    // This example is a clock that speaks: its hour is not on this day.
    settings: { plugins: { config: { scheduled_reporter: { report_cron: "0 7 1 7 *" } } } },
  });
  gateway.http.respond(/weather\.gov/, { json: { features: [] } });
  for (const name of ["Alice", "Bob"]) {
    await gateway.node(name).introduces();
    await gateway.node(name).moves({ latitude: 47, longitude: 8 });
  }
  await gateway.advance({ days: 1 });
  expect(gateway.sent).toEqual([]);
  expect(gateway.logs.filter(({ level }) => level === "ERROR")).toEqual([]);
  // They all ran: nobody is silent because it failed.
  for (const path of plugin) expect({ path, state: gateway.pluginNamed(basename(path)).state }).toEqual({ path, state: "running" });
  expect(await gateway.node("Alice").asks("help")).toStartWith("Commands 1/");
});

test("a list of 10,000 bulletins answers as one of 10", async () => {
  await using gateway = await startTestGateway({ plugin: join(ROOT, "plugins/bbs"), config: { max_bulletins: 20_000 } });
  const at = gateway.now.getTime();
  const rows = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => ({
      ...{ board: "general", subject: `Subject ${from + index}`, body: "Text", author: "!0000aaaa", author_name: "Old Mill", at },
      origin: `there:${from + index}`,
    }));
  const took = async () => {
    const times: number[] = [];
    for (let round = 0; round < 9; round++) {
      const started = performance.now();
      expect(await gateway.node("Alice").asks("bbs list")).toStartWith("general (");
      times.push(performance.now() - started);
      await gateway.advance({ minutes: 1 });
    }
    return times.sort((a, b) => a - b)[4] ?? Number.NaN;
  };
  await gateway.plugin.ask("import", { bulletins: rows(0, 10) });
  const short = await took();
  for (let from = 10; from < 10_000; from += 300)
    await gateway.plugin.ask("import", { bulletins: rows(from, Math.min(300, 10_000 - from)) });
  expect(await gateway.node("Alice").asks("bbs list")).toStartWith("general (10000)");
  expect(await took()).toBeLessThan(5 * short + 50);
});
