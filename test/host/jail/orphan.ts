/** A gateway with one host, to be killed. Prints the host's process id. */
import { FILE_WALL_BUILDERS } from "../../../src/bridge/launch.ts";
import { launchTest, order, reply } from "./host.ts";

const [databases = "", builder] = process.argv.slice(2);
const host = await launchTest(databases, { fileWalls: FILE_WALL_BUILDERS.filter((one) => one === builder) });
const started = reply(host);
order(host, { task: "wait" });
await started;
console.log(host.process.pid);
setInterval(() => {}, 1000);
