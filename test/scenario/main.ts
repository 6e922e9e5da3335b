/** `bun run scenario [--hours N] [--nodes N] [--loss N] [--reboots N] [--gateways N] [--seed N]`: exit 1 when a message is not accounted for. */
import { parseArgs } from "node:util";
import { runScenario, type ScenarioOptions } from "./scenario.ts";
import { tableOf } from "./table.ts";

const DEFAULTS: ScenarioOptions = { hours: 2, nodes: 200, loss: 0.1, reboots: 5, gateways: 2, seed: 1 };
const option = { type: "string" } as const;
const { values } = parseArgs({ options: { hours: option, nodes: option, loss: option, reboots: option, gateways: option, seed: option } });
const given = Object.entries(values).map(([name, value]) => [name, Number(value)] as const);
const unreadable = given.filter(([, value]) => !(value >= 0)).map(([name]) => `--${name}`);
if (unreadable.length > 0) {
  console.error(`no number: ${unreadable.join(", ")}`);
  process.exit(2);
}
const options: ScenarioOptions = { ...DEFAULTS, ...Object.fromEntries(given) };
const { hours, nodes, loss, reboots, gateways, seed } = options;
console.log(`${hours} h of ${nodes} nodes, ${loss * 100} % loss, ${reboots} restarts of radios, ${gateways} gateways, seed ${seed}`);
const started = performance.now();
const report = await runScenario(options, (line) => console.log(line));
console.log(`\n${tableOf(report)}\n\nran for ${Math.round((performance.now() - started) / 1000)} s`);
process.exit(report.wrong.length === 0 ? 0 : 1);
