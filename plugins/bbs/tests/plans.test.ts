/** A list of ten thousand answers in the time of one of ten: no question looks at rows that it does not show. */
import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";
import { QUERIES } from "../queries.ts";

test("every question finds its rows by an index, in their order", async () => {
  await using gateway = await startTestGateway({ plugin: `${import.meta.dir}/..` });
  for (const [name, sql] of Object.entries(QUERIES)) {
    const bound = sql.replaceAll("?", "1");
    const plan = (await gateway.plugin.rows(`EXPLAIN QUERY PLAN ${bound}`)) as { detail: string }[];
    const steps = plan.map(({ detail }) => detail).filter((detail) => /SCAN|TEMP B-TREE/.test(detail));
    expect({ name, steps: steps.filter((step) => !/SCAN \(subquery|CO-ROUTINE|SCAN SUBQUERY/.test(step)) }).toEqual({ name, steps: [] });
  }
});

test("ten thousand bulletins are listed, read and searched as ten are, page after page", async () => {
  await using gateway = await startTestGateway({ plugin: `${import.meta.dir}/..`, config: { max_bulletins: 20_000 } });
  for (let from = 1; from <= 10_000; from += 250) {
    const numbers = Array.from({ length: 250 }, (_, at) => from + at);
    const bulletins = numbers.map((number) => ({
      ...{ board: "general", thread: null, subject: `Number ${number}`, body: number === 9300 ? "needle" : "some hay" },
      ...{ author: "!00000009", author_name: "Ridge", at: Date.parse("2026-01-05T12:00:00Z"), origin: `test:${number}` },
    }));
    expect(await gateway.plugin.ask("import", { bulletins })).toMatchObject({ bulletins: 250 });
  }
  const alice = gateway.node("Alice");
  await gateway.advance({ hours: 1 });
  const first = await alice.asks("bbs list");
  expect(first).toMatch(/^general \(10000\)\n10000 Number 10000 .*\n9999 Number 9999/);
  const next = /more: (bbs list general \d+)$/.exec(first)?.[1] ?? "";
  expect(await alice.asks(next)).toMatch(new RegExp(`^general \\(10000\\)\n${next.split(" ").at(-1)} Number`));
  expect(await alice.asks("bbs list general 3")).toBe(
    "general (10000)\n3 Number 3 (Ridge 1h)\n2 Number 2 (Ridge 1h)\n1 Number 1 (Ridge 1h)",
  );
  expect(await alice.asks("bbs read 5000")).toContain("5000 Number 5000");
  expect(await alice.asks("bbs search needle")).toBe("Nothing about needle in the newest 500.\nolder: bbs search needle <9500");
  expect(await alice.asks("bbs search needle <9500")).toMatch(/^Found needle\n9300 Number 9300/);
});
