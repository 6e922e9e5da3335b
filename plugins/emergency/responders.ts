import type { Context, Plugin } from "zephyrgate";
import type { IncidentBook } from "./book.ts";
import type { Config } from "./config.types.ts";
import type { Incident } from "./incident.ts";

/** Who is to be alerted. `target` is what the configuration calls it. */
export type Responder =
  | { readonly kind: "node"; readonly target: string; readonly name: string; readonly id: string }
  | { readonly kind: "channel"; readonly target: string; readonly name: string };

const NODE_ID = /^![0-9a-f]{8}$/;

/** A node by its id or the name of a known node; any other text is a channel. */
export async function readResponders(plugin: Plugin<Config>, targets: readonly string[]): Promise<Responder[]> {
  const responders: Responder[] = [];
  for (const target of new Set(targets)) {
    const node = await plugin.getNodeInfo(target);
    if (node !== null) responders.push({ kind: "node", target, id: node.id, name: node.longName ?? node.id });
    else if (NODE_ID.test(target)) responders.push({ kind: "node", target, id: target, name: target });
    else responders.push({ kind: "channel", target, name: target });
  }
  return responders;
}

export async function allResponders(plugin: Plugin<Config>): Promise<Responder[]> {
  return readResponders(plugin, [...plugin.getConfig("responders"), ...plugin.getConfig("escalate_to")]);
}

/** Whom the gateway itself alerts at once, and tells what the sender writes in the ten minutes after: they need no second text. */
export async function alertedByGateway(plugin: Plugin<Config>): Promise<(responder: Responder) => boolean> {
  const { operators, alertChannels } = await plugin.getNetworkStatus();
  return (responder) => (responder.kind === "node" ? operators.includes(responder.id) : alertChannels.includes(responder.target));
}

/** Those of this site who were alerted about it, by this plugin or by the gateway. */
export async function alertedAbout(plugin: Plugin<Config>, book: IncidentBook, incident: Incident): Promise<Responder[]> {
  const queued = (await book.alerts(incident.id)).filter(({ message }) => message !== null);
  const targets = new Set(queued.map(({ target }) => target));
  const ofGateway = await alertedByGateway(plugin);
  const named = plugin.getConfig("responders");
  const own = (await allResponders(plugin)).filter((each) => targets.has(each.name) || (named.includes(each.target) && ofGateway(each)));
  // Operators whom the gateway has alerted are to know the end as well.
  const { operators } = await plugin.getNetworkStatus();
  const others = operators.filter((id) => !own.some((each) => each.kind === "node" && each.id === id));
  return [...own, ...(await readResponders(plugin, others))];
}

/** An operator, a responder's node, or somebody who writes on a channel of responders. */
export async function isResponder(plugin: Plugin<Config>, context: Context): Promise<boolean> {
  if (context.isOperator) return true;
  const responders = await allResponders(plugin);
  if (responders.some((each) => each.kind === "node" && each.id === context.senderId)) return true;
  if (context.isDirect) return false;
  const names = await namesOfChannel(plugin, context);
  return responders.some((each) => each.kind === "channel" && names.includes(each.target));
}

async function namesOfChannel(plugin: Plugin<Config>, { channel, message }: Context): Promise<string[]> {
  const link = (await plugin.getNetworkStatus()).links.find(({ name }) => name === message.link);
  const channels = Array.isArray(link?.channels) ? (link.channels as readonly unknown[]) : [];
  const names = channels.flatMap((each) => {
    const isIt = typeof each === "object" && each !== null && "index" in each && each.index === channel;
    return isIt && "name" in each && typeof each.name === "string" ? [each.name] : [];
  });
  return [`${String(message.link)}/${channel}`, ...names];
}
