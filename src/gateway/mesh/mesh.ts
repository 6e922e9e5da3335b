import { live } from "../../config/reload.ts";
import { correlationId } from "../../correlation.ts";
import { isDutyCycleSpent } from "../../mesh/airtime/duty-cycle.ts";
import { Announcer } from "../../mesh/announce.ts";
import { KnownChannels } from "../../mesh/known-channels.ts";
import type { MeshLink } from "../../mesh/link/link.ts";
import type { LinkStatus } from "../../mesh/link-status.ts";
import type { MeshMessage } from "../../mesh/message.ts";
import { NodeDirectory } from "../../mesh/nodes/directory.ts";
import { NodeHistory } from "../../mesh/nodes/history.ts";
import { CoreNodeStore } from "../../mesh/nodes/store.ts";
import { Outbox } from "../../mesh/outbox/outbox.ts";
import type { OutboxConfig } from "../../mesh/outbox/outbox-port.ts";
import { ReceivedTexts } from "../../mesh/received/store.ts";
import { MeshRequests } from "../../mesh/requests/requests.ts";
import { PacketSpacing } from "../../mesh/requests/spacing.ts";
import { routesTo } from "../../mesh/routes.ts";
import { Silence, type Silenced } from "../../mesh/silence.ts";
import type { SimulatedMesh } from "../../mesh/simulator/mesh.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Storage } from "../context/storage.ts";
import { channelsTold } from "./channels-told.ts";
import { LinkNames } from "./link-names.ts";
import { makeLinks } from "./links.ts";
import { MqttProxies } from "./mqtt-proxies.ts";
import { shareRadio } from "./share.ts";
import { logTraffic } from "./traffic.ts";

/** Radio links, known nodes, and the queue of outgoing messages. No message is sent or received before {@link startMesh}. */
export interface Mesh {
  readonly radios: readonly MeshLink[];
  readonly meshes: readonly SimulatedMesh[];
  readonly nodes: NodeDirectory;
  readonly outbox: Outbox;
  readonly names: LinkNames;
  readonly requests: MeshRequests;
  readonly received: ReceivedTexts;
  readonly nodeHistory: NodeHistory;
  readonly spacing: PacketSpacing;
  readonly silence: Silence;
  readonly proxies: MqttProxies;
  links(): readonly LinkStatus[];
  /** See {@link channelsTold}. */
  channelsTold(signal?: AbortSignal): Promise<boolean>;
  newId(): string;
}

export function makeMesh(context: GatewayContext, { database, ownClock }: Storage): Mesh {
  const { clock, random, bus, life, log } = context;
  const nodes = makeNodes(context, database);
  logTraffic(bus, nodes, log.logger.child("mesh"), () => context.config().log.message_text);
  const newId = () => correlationId(random);
  const isClockTrusted = () => ownClock.check().kind === "trusted";
  const silence = makeSilence(context, database, () => outbox.resume());
  const isSilenced = () => silence.isOn;
  const deps = { clock, random, log: log.logger.child("mesh"), correlationId: newId, nodes, isClockTrusted, isSilenced };
  const { links: radios, simulated } = makeLinks(context.chosen.interfaces, deps, context.overrides.mesh);
  for (const { mesh } of simulated) life.add("simulated mesh", () => mesh.stop());
  const known = makeKnownChannels(context, database, radios);
  const proxies = new MqttProxies(context, radios, isSilenced);
  const links = () => radios.map((radio) => known.complete(proxies.addTo(radio.status())));
  const names = new LinkNames(context, links);
  const outbox = new Outbox({
    database,
    clock,
    random,
    log: log.logger.child("outbox"),
    radios: () => radios,
    routes: (to, wanted) => routesTo(to, wanted, { nodes, links: () => names.links() }),
    config: outboxConfig(context),
    isSilenced,
    onStatus: (status) => bus.emit("message_status", status),
  });
  const book = { nodes, links: () => names.links() };
  const spacing = new PacketSpacing(clock);
  const requests = new MeshRequests({
    clock,
    random,
    radios: () => radios,
    places: (node) => routesTo(node, {}, book).flat(),
    spacing,
    politeUtilization: () => context.config().mesh.airtime.channel_utilization_polite,
  });
  const kept = keepHeard(context, database);
  const meshes = simulated.map(({ mesh }) => mesh);
  const told = channelsTold({ clock, bus, links: () => names.links() });
  return { ...kept, channelsTold: told, requests, spacing, silence, radios, meshes, nodes, outbox, names, links, newId, proxies };
}

/** It changes while the gateway runs. */
function outboxConfig({ config }: GatewayContext): OutboxConfig {
  return {
    get text_spacing_s() {
      return config().mesh.text_spacing_s;
    },
    get retry_unheard() {
      return config().mesh.retry_unheard;
    },
    airtime: live(() => config().mesh.airtime),
  };
}

function makeNodes({ clock, bus, life, log }: GatewayContext, database: CoreDatabase): NodeDirectory {
  const store = new CoreNodeStore(database);
  const nodes = new NodeDirectory({ clock, log: log.logger.child("mesh"), store, onSeen: (node) => bus.emit("node_seen", node) });
  nodes.start();
  life.add("nodes", () => nodes.stop());
  return nodes;
}

/** Announces what the links do, and remembers the channels that their radios tell. */
function makeKnownChannels({ bus, log }: GatewayContext, database: CoreDatabase, radios: readonly MeshLink[]): KnownChannels {
  const known = new KnownChannels(database, log.logger.child("mesh"));
  for (const radio of radios) {
    radio.onState((status) => {
      known.see(status);
      bus.emit("link_state", status);
    });
  }
  return known;
}

/** What was heard, for those who look later. */
function keepHeard({ bus, clock }: GatewayContext, database: CoreDatabase): Pick<Mesh, "received" | "nodeHistory"> {
  const received = new ReceivedTexts(database, clock);
  const nodeHistory = new NodeHistory(database, clock);
  bus.on("message_received", (message) => {
    if (message.kind === "text") received.keep(message);
  });
  bus.on("node_seen", (node) => nodeHistory.seen(node));
  return { received, nodeHistory };
}

/** While it is on, an alert says so: a gateway that says nothing must not look like one that has nothing to say. */
function makeSilence({ clock, bus, log }: GatewayContext, database: CoreDatabase, ended: () => void): Silence {
  const tell = (state: Silenced | null) => {
    if (state === null) bus.emit("alert_cleared", { code: "silenced" });
    else bus.emit("alert", { code: "silenced", message: "all transmissions but alarms are silenced (zephyrgate silence off)" });
  };
  const silence = new Silence(database, clock, (state) => {
    log.logger.warn(state === null ? "transmissions are allowed again" : `all transmissions but alarms are silenced, by ${state.by}`);
    tell(state);
    if (state === null) ended();
  });
  // The parts that pass alerts on are made after this.
  if (silence.isOn) clock.after(0, () => tell(silence.state));
  return silence;
}

/** Opens the radio links: from now on messages are sent, and received ones go to `receive`. */
export function startMesh(context: GatewayContext, mesh: Mesh, receive: (message: MeshMessage) => void): void {
  const { radios, outbox, requests, proxies } = mesh;
  outbox.start();
  context.life.add("outbox", () => outbox.stop());
  requests.start();
  context.life.add("requests to nodes", () => requests.stop());
  shareRadio(context, mesh);
  proxies.start();
  context.life.add("radios' ways to MQTT brokers", () => proxies.stop());
  for (const radio of radios) {
    const announcer = new Announcer(radio, {
      clock: context.clock,
      log: context.log.logger.child("mesh"),
      hasRoom: (status) =>
        (status.channelUtilization ?? 0) <= context.config().mesh.airtime.channel_utilization_polite && !isDutyCycleSpent(status),
    });
    announcer.start();
    context.life.add("announcements of the own node", () => announcer.stop());
    radio.onMessage(receive);
    radio.start();
  }
  context.life.add("radio links", async () => void (await Promise.all(radios.map((radio) => radio.stop()))));
}
