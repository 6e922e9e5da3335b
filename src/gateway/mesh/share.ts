import { formatNodeId } from "../../mesh/ids.ts";
import { type SharedRadio, VirtualNode, type VirtualNodeDeps } from "../../mesh/share/virtual-node.ts";
import { serveStream } from "../../mesh/stream-server/serve.ts";
import type { GatewayContext } from "../context/context.ts";

/** What sharing needs of the mesh. */
interface Shared extends Pick<VirtualNodeDeps, "outbox" | "spacing" | "newId"> {
  readonly radios: readonly SharedRadio[];
}

const LOOPBACK = /^(?:127\.|::1$|localhost$)/;

/** Serves the first interface's radio to other programs, where the configuration says so. To be called before the link starts. */
export function shareRadio(context: GatewayContext, { radios, outbox, spacing, newId }: Shared): void {
  const { share } = context.config().mesh;
  const [radio] = radios;
  if (share === undefined || radio === undefined) return;
  const { clock, random, bus, life } = context;
  const log = context.log.logger.child("share");
  const node = new VirtualNode({
    clock,
    random,
    log,
    radio,
    outbox,
    onStatus: (listener) => bus.on("message_status", listener),
    spacing,
    newId,
    isBanned: (number) => context.config().commands.ban.includes(formatNodeId(number)),
    admin: share.admin,
    secrets: share.secrets,
  });
  node.start();
  life.add("shared radio", () => node.stop());
  const server = serveStream(node, { host: share.host, port: share.port, log });
  if (!server.ok) {
    // The radio itself works: the gateway runs on, and says what is missing.
    log.error(`the radio is not shared: ${server.error.summary()}`);
    bus.emit("alert", { code: "share_unavailable", message: `the radio is not shared: ${server.error.summary()}` });
    return;
  }
  life.add("port of the shared radio", () => server.value.stop());
  log.info(`programs may use the radio of ${radio.name} at ${share.host}:${server.value.port}`);
  if (!LOOPBACK.test(share.host)) {
    log.warn("everybody who reaches this address can read and send as the radio: the protocol has no password", { host: share.host });
  }
}
