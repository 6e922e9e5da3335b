import type { MessageControl } from "../api/contract/control.ts";
import { BrokerClient } from "../broker/client.ts";
import { parseLinkIndex } from "../channels.ts";
import type { Config } from "../config/schema.ts";
import { fail } from "../errors.ts";
import type { LinkStatus } from "../mesh/link-status.ts";
import { Publisher, type PublisherOptions } from "../publish/publisher.ts";
import { parseRate, type Rate } from "../rates.ts";
import { VERSION } from "../version.ts";
import type { GatewayContext } from "./context/context.ts";
import type { Mesh } from "./mesh/mesh.ts";

type Wanted = NonNullable<Config["publish"]>;

/** Publishes nodes and texts on the operator's own broker, where the configuration says so; null where it does not. */
export function makePublisher(
  context: GatewayContext,
  mesh: Mesh,
  messages: () => Pick<MessageControl, "send"> | undefined,
): Publisher | null {
  const settings = context.config().publish;
  if (settings === undefined) return null;
  const { clock, random, bus, life } = context;
  const log = context.log.logger.child("publish");
  const publisher = new Publisher(optionsOf(settings), {
    clock,
    log,
    version: VERSION,
    names: { nameOf: (number) => mesh.nodes.nameOf(number), channelOn: (link, index) => mesh.names.channelOn(link, index) },
    nodes: () => mesh.nodes.all(),
    channelNames: (channel) => channelNames(mesh.names.links(), channel),
    send: async ({ text, destination, channel, priority }) => {
      const sent = await messages()?.send({ text, destination, channel, priority }, { via: "mqtt", address: new URL(settings.url).host });
      return sent ?? fail("unavailable", "the gateway is starting");
    },
    broker: (options) => new BrokerClient({ settings, ...options }, { clock, random, log }),
  });
  const subscriptions = [
    bus.on("node_seen", (node) => publisher.seen(node)),
    bus.on("message_status", (status) => publisher.sent(status)),
    bus.on("message_received", (message) => {
      if (message.kind === "text") publisher.received(message);
    }),
  ];
  life.add("publishing", async () => {
    for (const subscription of subscriptions) subscription.dispose();
    await publisher.stop();
  });
  return publisher;
}

function optionsOf({ url, topic, nodes, nodes_max: max, interval_s: interval, home_assistant: home, texts }: Wanted): PublisherOptions {
  return {
    broker: url,
    topic,
    discoveryPrefix: home?.prefix ?? "homeassistant",
    nodes: { only: nodes === "all" ? null : new Set(nodes), max, discovers: home !== undefined, intervalMs: interval * 1000 },
    texts: texts === undefined ? null : { ...texts, channels: texts.channels ?? null, rate: rateOf(texts.rate) },
  };
}

/** The configuration's schema has checked it. */
function rateOf(text: string): Rate {
  const rate = parseRate(text);
  return rate.ok ? rate.value : { count: 1, periodS: 60, text: "1/min" };
}

/** The names that a request's channel may have: an index means that of any link, where several have one. */
function channelNames(links: readonly LinkStatus[], channel: string | number): string[] {
  const one = typeof channel === "string" ? parseLinkIndex(channel) : null;
  const index = one?.index ?? (/^[0-7]$/.test(String(channel)) ? Number(channel) : null);
  if (index === null) return [String(channel)];
  const meant = one === null ? links : links.filter(({ name }) => name === one.link);
  return meant.flatMap(({ channels }) => channels.filter((each) => each.index === index).map(({ name }) => name));
}
