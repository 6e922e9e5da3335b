import { correlationId } from "../../correlation.ts";
import type { MeshLink } from "../../mesh/link/link.ts";
import type { LinkStatus } from "../../mesh/link-status.ts";
import { NodeDirectory } from "../../mesh/nodes/directory.ts";
import { CoreNodeStore } from "../../mesh/nodes/store.ts";
import { Outbox } from "../../mesh/outbox/outbox.ts";
import type { SimulatedMesh } from "../../mesh/simulator/mesh.ts";
import type { Site } from "../context/context.ts";
import type { Ground } from "../context/storage.ts";
import { makeLinks } from "./links.ts";
import { logTraffic } from "./traffic.ts";

/** The mesh as the gateway has it: radios, nodes, and the queue towards them. Nothing is on the air before {@link goOnAir}. */
export interface Air {
  readonly radios: readonly MeshLink[];
  readonly meshes: readonly SimulatedMesh[];
  readonly nodes: NodeDirectory;
  readonly outbox: Outbox;
  links(): readonly LinkStatus[];
  /** By index, of whatever link has it; undefined where it has no name. */
  channelName(index: number): string | undefined;
  channelOn(link: string, index: number): string;
  ownNodes(): readonly number[];
  newId(): string;
}

export function makeAir(site: Site, { database }: Ground): Air {
  const { clock, random, bus, life, log } = site;
  const nodes = new NodeDirectory({
    clock,
    log: log.logger.child("mesh"),
    store: new CoreNodeStore(database),
    onSeen: (node) => bus.emit("node_seen", node),
  });
  nodes.start();
  life.add("nodes", () => nodes.stop());
  logTraffic(bus, nodes, log.logger.child("mesh"));
  const newId = () => correlationId(random);
  const deps = { clock, random, log: log.logger.child("mesh"), correlationId: newId, nodes };
  const { links: radios, simulated } = makeLinks(site.chosen.interfaces, deps, site.parts.mesh);
  for (const { mesh } of simulated) life.add("simulated mesh", () => mesh.stop());
  for (const radio of radios) radio.onState((status) => bus.emit("link_state", status));
  const { text_spacing_s, airtime } = site.config().mesh;
  const outbox = new Outbox({
    database,
    clock,
    random,
    log: log.logger.child("outbox"),
    radios: () => radios,
    linkOf: (number) => nodes.get(number)?.link,
    config: { text_spacing_s, airtime },
    onStatus: (status) => bus.emit("message_status", status),
  });
  const links = () => radios.map((radio) => radio.status());
  const glance = remembered(site, links);
  const nameIn = (channels: LinkStatus["channels"], index: number) => channels.find((channel) => channel.index === index)?.name;
  return {
    radios,
    meshes: simulated.map(({ mesh }) => mesh),
    nodes,
    outbox,
    links,
    channelName: (index) =>
      nameIn(
        glance().flatMap((link) => link.channels),
        index,
      ) || undefined,
    channelOn: (name, index) => nameIn(glance().find((link) => link.name === name)?.channels ?? [], index) ?? "",
    ownNodes: () => glance().flatMap((link) => link.ownNode ?? []),
    newId,
  };
}

/** Asked for with every message, and changing with a link's state or once in a long while. */
const REMEMBERED_MS = 250;

function remembered({ clock, bus }: Site, read: () => readonly LinkStatus[]): () => readonly LinkStatus[] {
  let known: readonly LinkStatus[] = [];
  let until = Number.NEGATIVE_INFINITY;
  bus.on("link_state", () => {
    until = Number.NEGATIVE_INFINITY;
  });
  return () => {
    const now = clock.monotonic();
    if (now >= until) {
      known = read();
      until = now + REMEMBERED_MS;
    }
    return known;
  };
}

/** From now on messages leave and arrive. */
export function goOnAir(site: Site, { radios, outbox }: Air, take: Parameters<MeshLink["onMessage"]>[0]): void {
  outbox.start();
  site.life.add("outbox", () => outbox.stop());
  for (const radio of radios) {
    radio.onMessage(take);
    radio.start();
  }
  site.life.add("radio links", async () => void (await Promise.all(radios.map((radio) => radio.stop()))));
}
