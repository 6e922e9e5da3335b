/** Key-value data through the realm. */
import { STORAGE } from "../attackers.ts";
import { rawStorage } from "../bare.ts";
import { row, type Settings, type Tell } from "../row.ts";
import { percentile } from "../system.ts";
import { withWorld } from "../world.ts";

const ASKER = 0;
const CALLS = 6;

export async function storage({ binary, rounds }: Settings, tell: Tell): Promise<void> {
  await withWorld({ command: [binary], plugins: 1, further: { storage: STORAGE } }, async (world) => {
    await world.start();
    const values: number[] = [];
    const pairs: number[] = [];
    const raws: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const raw = rawStorage(2_000);
      await world.radio.ask("store forget");
      // Apart, so that the plugin stays within its budget of 200 ms a second.
      for (let call = 0; call < CALLS; call++) {
        await world.radio.ask("store", ASKER, 10_000);
        await Bun.sleep(100);
      }
      const told = Number((await world.radio.ask("store told"))?.text.split(" ")[0]);
      if (round === 0) continue; // It warms up.
      pairs.push(told);
      raws.push(raw);
      values.push(told / raw);
    }
    const note = `${percentile(pairs, 0.5).toFixed(0)} of ${percentile(raws, 0.5).toFixed(0)} pairs a second`;
    const figure = "storeData + retrieveData, of raw bun:sqlite";
    tell(row({ id: "storage", figure, values, unit: "x", target: 0.35, better: "higher", note }));
  });
}
