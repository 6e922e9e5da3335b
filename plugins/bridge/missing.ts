import type { NetworkStatus, Plugin } from "zephyrgate";
import { areChannelsKnown, namedPlaces, namesOn, placeOf } from "./channels.ts";
import type { Config } from "./config.types.ts";

/** Names in the log, once each, the channels of the configuration that are nowhere. */
export class MissingChannels {
  readonly #told = new Set<string>();

  constructor(private readonly plugin: Plugin<Config>) {}

  /** What a link that has not told its channels yet may have is not missing. */
  async report(): Promise<void> {
    const wanted = this.#wanted();
    if (wanted.length === 0) return;
    const status = await this.plugin.getNetworkStatus();
    for (const { key, channel } of wanted) {
      const why = key === "sites" ? missingName(channel, status) : missingPlace(channel, status);
      const told = `${key} ${channel}`;
      if (why === null) this.#told.delete(told);
      else if (!this.#told.has(told)) {
        this.#told.add(told);
        this.plugin.log.warn(`${key}: ${why}. Correct plugins.config.bridge.${key}`);
      }
    }
  }

  #wanted(): readonly { readonly key: string; readonly channel: string }[] {
    const { plugin } = this;
    const named = (key: string, channels: readonly string[]) => channels.map((channel) => ({ key, channel }));
    return [
      ...named(
        "sites",
        plugin.getConfig("sites").map(({ channel }) => channel),
      ),
      ...named(
        "rules",
        plugin.getConfig("rules").flatMap(({ from, to }) => [from, to]),
      ),
      ...named("webhook", plugin.getConfig("webhook").from),
    ];
  }
}

function missingName(channel: string, { links }: NetworkStatus): string | null {
  if (namedPlaces(channel, { links }).length > 0 || !links.every(areChannelsKnown)) return null;
  return `no link has a channel ${JSON.stringify(channel)}; there are ${[...new Set(links.flatMap(namesOn))].join(", ")}`;
}

function missingPlace(written: string, status: NetworkStatus): string | null {
  if (placeOf(written, status) !== null) return null;
  const link = status.links.find(({ name }) => written.startsWith(`${name}/`));
  if (link === undefined)
    return `no link is called as in ${JSON.stringify(written)}; there are ${status.links.map(({ name }) => name).join(", ")}`;
  return areChannelsKnown(link) ? `there is no channel ${JSON.stringify(written)}; ${link.name} has ${namesOn(link).join(", ")}` : null;
}
