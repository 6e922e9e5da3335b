import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBus } from "../../../src/bus.ts";
import type { Clock } from "../../../src/clock.ts";
import { systemRandom } from "../../../src/clock.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { MeshLink } from "../../../src/mesh/link/link.ts";
import { NodeDirectory } from "../../../src/mesh/nodes/directory.ts";
import { Outbox } from "../../../src/mesh/outbox/outbox.ts";
import { OUTBOX_SCHEMA } from "../../../src/mesh/outbox/storage/store.ts";
import type { MessageStatus } from "../../../src/mesh/outgoing.ts";
import { PacketSpacing } from "../../../src/mesh/requests/spacing.ts";
import { routesTo } from "../../../src/mesh/routes.ts";
import { VirtualNode, type VirtualNodeDeps } from "../../../src/mesh/share/virtual-node.ts";
import { SimulatedMesh } from "../../../src/mesh/simulator/mesh.ts";
import type { SimulatedMeshOptions } from "../../../src/mesh/simulator/options.ts";
import type { HeardText } from "../../../src/mesh/simulator/texts.ts";
import { SimulatedTransport } from "../../../src/mesh/transport/simulated.ts";
import { openCoreDatabase } from "../../../src/storage/core-open.ts";
import { SETTINGS } from "../outbox-support.ts";

export interface World {
  readonly mesh: SimulatedMesh;
  readonly link: MeshLink;
  readonly node: VirtualNode;
  readonly heard: HeardText[];
  close(): Promise<void>;
}

/** A virtual node over a real link to a simulated radio, and a real outbox on a file. Nothing is started twice. */
export function world(clock: Clock, change: { mesh?: Partial<SimulatedMeshOptions>; share?: Partial<VirtualNodeDeps> } = {}): World {
  const folder = mkdtempSync(join(tmpdir(), "zephyrgate-share-"));
  const opened = openCoreDatabase(join(folder, "gateway.db"), [OUTBOX_SCHEMA], { clock, log: silentLogger });
  if (!opened.ok) throw opened.error;
  const random = systemRandom;
  const mesh = new SimulatedMesh({
    nodes: [{ number: 2 }, { number: 3 }, { number: 4, hasKey: false }],
    clock,
    random,
    firmware: "2.8.0",
    ...change.mesh,
  });
  const heard: HeardText[] = [];
  mesh.onHeard((text) => void heard.push(text));
  const nodes = new NodeDirectory({ clock, log: silentLogger });
  const link = new MeshLink("sim", new SimulatedTransport(mesh, { clock }), {
    clock,
    random,
    log: silentLogger,
    correlationId: () => "c",
    nodes,
  });
  const bus = new EventBus<{ status: MessageStatus }>(() => undefined);
  const outbox = new Outbox({
    database: opened.value,
    clock,
    random,
    log: silentLogger,
    config: SETTINGS,
    radios: () => [link],
    routes: (to, wanted) => routesTo(to, wanted, { nodes, links: () => [link.status()] }),
    onStatus: (status) => bus.emit("status", status),
  });
  const node = new VirtualNode({
    clock,
    random,
    log: silentLogger,
    radio: link,
    outbox,
    onStatus: (listener) => bus.on("status", listener),
    spacing: new PacketSpacing(clock),
    newId: () => "c",
    isBanned: (number) => number === 3,
    admin: false,
    secrets: false,
    ...change.share,
  });
  node.start();
  outbox.start();
  link.start();
  return {
    mesh,
    link,
    node,
    heard,
    async close() {
      node.stop();
      mesh.stop();
      await Promise.all([outbox.stop(), link.stop()]);
      opened.value.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
