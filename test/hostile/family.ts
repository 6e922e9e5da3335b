import { afterAll, beforeAll, describe, test } from "bun:test";
import type { Attack } from "./attack.ts";
import { World, type WorldOptions } from "./world.ts";

/** Runs the attacks of one family one after another in one gateway; each must leave no trace, nor all of them together. */
export function family(name: string, attacks: readonly Attack[], options: Omit<WorldOptions, "attacks"> = {}): void {
  describe.if(process.platform === "linux")(name, () => {
    let world: World;
    beforeAll(async () => {
      world = await World.start({ ...options, attacks });
    }, 120_000);
    afterAll(async () => {
      await world?.stop();
    }, 120_000);
    for (const attack of attacks) test(`${attack.name}: ${attack.tries}`, () => world.strike(attack), 120_000);
    test("nothing is left behind", () => world.settled(), 120_000);
  });
}
