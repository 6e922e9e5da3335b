/** One realm of this program, without the bridge: started from the snapshot, called through its two entries. */
import { readFileSync } from "node:fs";
import { takeSnapshot } from "../../../src/host/runtime.ts";
import { measure } from "./measure.mjs";

const snapshot = await takeSnapshot();
const never = () => false;
const OPENING = [
  "open",
  {
    plugin: "bench",
    version: "1.0.0",
    gatewayVersion: "0.1.0",
    language: "en",
    config: {},
    capabilities: {},
    permissions: [],
    seed: [1, 2, 3, 4],
  },
];

async function make() {
  let answered = "";
  const engine = await snapshot.instance(16, (_, text) => {
    answered = text;
    return undefined;
  });
  const run = (text: string) => {
    engine.call("deliver", text, never);
    while (engine.hasJobs) engine.runJobs(100, never);
    return answered;
  };
  run(JSON.stringify(OPENING));
  engine.load(
    "bench",
    `import { Plugin } from "zephyrgate"; export default class B extends Plugin { healthCheck() { return true; } }`,
    never,
  );
  while (engine.hasJobs) engine.runJobs(100, never);
  return { run };
}

let call = 0;
await measure({
  make,
  call: async (realm: { run(text: string): string }) => realm.run(JSON.stringify(["call", ++call, { kind: "health" }, []])),
  read: (path: string) => readFileSync(path, "utf8"),
});
