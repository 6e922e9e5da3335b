/** All plugins of the program and all examples beside each other: while nobody asks they say nothing, and long lists answer as short ones. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { startTestGateway } from "../../src/testing/index.ts";

const ROOT = join(import.meta.dir, "../..");
const foldersOf = (name: string) =>
  readdirSync(join(ROOT, name)).flatMap((each) => (existsSync(join(ROOT, name, each, "manifest.yaml")) ? [join(ROOT, name, each)] : []));
/** They are there to show how a plugin sends by itself. */
const SPEAKERS = /\/(?:scheduled_reporter|weather_alert)$/;

test("nine plugins and the examples that do not send by themselves use no airtime in a day without a question", async () => {
  const plugin = [...foldersOf("plugins"), ...foldersOf("examples").filter((path) => !SPEAKERS.test(path))];
  expect(plugin.length).toBeGreaterThanOrEqual(14);
  await using gateway = await startTestGateway({ plugin, nodes: ["Alice", "Bob"], operators: ["Bob"] });
  for (const name of ["Alice", "Bob"]) {
    await gateway.node(name).introduces();
    await gateway.node(name).moves({ latitude: 47, longitude: 8 });
  }
  await gateway.advance({ days: 1 });
  expect(gateway.sent).toEqual([]);
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
