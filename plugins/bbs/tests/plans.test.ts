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
