/** A gateway that runs as an ordinary user ("nobody" where root runs the tests), with one host in its jail. */
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { FILE_WALL_BUILDERS } from "../../../src/bridge/launch.ts";
import type { Outcome } from "./attempts.ts";
import { endHost, launchTest, order, reply } from "./host.ts";

const databases = mkdtempSync(`${tmpdir()}/zephyrgate-ordinary-`);
if (process.getuid?.() === 0) {
  chownSync(databases, 65534, 65534);
  process.setgroups?.([]);
  process.setgid?.(65534);
  process.setuid?.(65534);
}
const said: { uid: number | undefined; walls?: unknown; refused?: unknown; error?: string } = { uid: process.getuid?.() };
try {
  const host = await launchTest(databases, { fileWalls: FILE_WALL_BUILDERS.filter((one) => one === process.argv[3]) });
  said.walls = host.walls;
  const answer = reply(host);
  order(host, { task: "work", databases });
  said.refused = ((await answer) as Outcome[]).filter((one) => one.refused);
  await endHost(host);
} catch (thrown) {
  said.error = String(thrown);
}
rmSync(databases, { recursive: true, force: true });
console.log(JSON.stringify(said));
