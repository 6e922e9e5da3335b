/** A gateway with one host, to be killed. Prints the host's process id. */
import { launchTest, order, reply } from "./host.ts";

const host = await launchTest(process.argv[2] ?? "");
const started = reply(host);
order(host, { task: "wait" });
await started;
console.log(host.process.pid);
setInterval(() => {}, 1000);
