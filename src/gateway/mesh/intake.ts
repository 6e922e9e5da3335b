import { live } from "../../config/reload.ts";
import type { Logger } from "../../log/logger.ts";
import { Emergencies } from "../../mesh/emergency/emergencies.ts";
import { EmergencyRecords } from "../../mesh/emergency/records.ts";
import { type NodeNumber, parseNodeId } from "../../mesh/ids.ts";
import { Intake } from "../../mesh/intake/intake.ts";
import { LoopGuard } from "../../mesh/intake/loop-guard.ts";
import type { TextMessage } from "../../mesh/message.ts";
import { parseCommand } from "../../router/match/parse.ts";
import type { Router } from "../../router/router.ts";
import { gatewayTexts } from "../../texts/texts.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Storage } from "../context/storage.ts";
import type { Sharing } from "../region/sharing.ts";
import { alertChannels } from "./alert-channels.ts";
import type { Mesh } from "./mesh.ts";

/** What comes behind the gate. */
export interface IntakePeers {
  readonly mesh: Mesh;
  readonly router: Pick<Router, "handle"> & { readonly registry: Pick<Router["registry"], "answers" | "commands" | "meant"> };
  readonly sharing: Sharing;
}

/** Commands by which a responder answers an alert, where a plugin has them. */
const ANSWERS = ["responding", "ack"] as const;

/** The gate behind the radio links, with the emergency room and the loop guard. What it lets in is announced and routed. */
export function makeIntake(context: GatewayContext, { database }: Storage, { mesh, router, sharing }: IntakePeers): Intake {
  const { clock, bus, life } = context;
  const commands = live(() => context.config().commands);
  const log = context.log.logger.child("mesh");
  const loops = makeLoopGuard(context, log);
  const emergencies = new Emergencies({
    clock,
    log,
    get prefixes() {
      return [commands.prefix, commands.direct_prefix];
    },
    operators: () => nodeNumbers(context.config().operators),
    channels: () => alertChannels(context.config().alerts.channels, { nodes: mesh.nodes, links: () => mesh.names.links() }),
    links: () => mesh.links().flatMap(({ name, state }) => (state === "up" ? [name] : [])),
    node: (number) => mesh.nodes.get(number) ?? null,
    alert: (event) => bus.emit("alert", event),
    send: (request) => mesh.outbox.enqueue(request),
    status: (id) => mesh.outbox.get(id),
    isAboutCase: (message) => isAboutCase(message, commands, router.registry),
    isAnswerable: () => ANSWERS.every((word) => router.registry.answers(word, true)),
    say: gatewayTexts(() => context.config().language),
    records: new EmergencyRecords(database, clock, log),
    ...(sharing.others === null ? {} : { others: sharing.others }),
  });
  life.add("emergencies", () => emergencies.stop());
  bus.on("message_status", (status) => {
    loops.sent(status);
    emergencies.report(status);
  });
  emergencies.resume();
  sharing.hearCalls(emergencies);
  return new Intake({
    database,
    policy: () => ({ ...context.config().commands, ban: nodeNumbers(commands.ban) }),
    emergencies,
    loops,
    isOwn: (number) => mesh.names.ownNodes().includes(number),
    channelName: (link, index) => mesh.names.channelOn(link, index),
    accept: (admitted) => {
      bus.emit("message_received", admitted.message);
      router.handle(admitted);
    },
  });
}

/** A command of a plugin that answers calls for help, and nothing but numbers behind it: more words may be a cry for help. */
function isAboutCase(
  { text, isDirect }: TextMessage,
  { prefix, direct_prefix }: Readonly<Record<"prefix" | "direct_prefix", string>>,
  registry: IntakePeers["router"]["registry"],
): boolean {
  const parsed = parseCommand(text, isDirect ? [prefix, direct_prefix] : [prefix]);
  if (parsed?.args.every((arg) => /^#?\d+$/.test(arg)) !== true) return false;
  const holders = new Set(registry.commands("sos").map(({ plugin }) => plugin));
  return registry.commands(registry.meant(parsed.name)).some(({ plugin }) => holders.has(plugin));
}

function makeLoopGuard({ clock, config }: GatewayContext, log: Logger): LoopGuard {
  return new LoopGuard({
    clock,
    log,
    get prefix() {
      return config().commands.prefix;
    },
    get peers() {
      return nodeNumbers(config().commands.peers);
    },
  });
}

function nodeNumbers(ids: readonly string[]): NodeNumber[] {
  return ids.map(parseNodeId).filter((number) => number !== null);
}
