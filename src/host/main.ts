/**
 * This room runs in the plugin host process, behind the jail, beside hostile code. It may touch the bridge, the shared page, the
 * databases of its own plugins and the system calls on the jail's list; it opens no network, starts no program and holds
 * nothing of the gateway's. Until the last wall closes it also reads its own sources and builds the jail. It imports only
 * bridge/, linux/, sdk/, permissions/grammar/ and the ground files. This file is its main part: loaded before the last wall
 * closes, run behind it.
 */

import { BRIDGE_IN_FD, BRIDGE_OUT_FD, type HostMain, PAGE_FD } from "../bridge/launch.ts";
import { mapPage, noPage } from "../bridge/shared-page.ts";
import { fdStream } from "../bridge/streams.ts";
import { systemClock, systemRandom } from "../clock.ts";
import { engineFactory, HostRuntime, takeSnapshot } from "./runtime.ts";

/** Maps the page and prepares the engine; what comes back serves the bridge until the gateway closes it. */
export async function prepareHost(): Promise<HostMain> {
  const page = process.platform === "linux" ? mapPage(PAGE_FD) : noPage;
  const snapshot = await takeSnapshot();
  return (walls) => {
    const runtime = new HostRuntime({
      stream: fdStream(BRIDGE_IN_FD, BRIDGE_OUT_FD),
      engines: engineFactory(snapshot),
      clock: systemClock,
      random: systemRandom,
      walls: walls.map(({ wall, stands, detail }) => ({ wall, stands, detail })),
      page,
      onEnd: () => process.exit(0),
    });
    runtime.start();
  };
}
