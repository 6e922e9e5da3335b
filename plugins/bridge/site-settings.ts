import { type NetworkStatus, type Plugin, PluginError } from "zephyrgate";
import { areChannelsKnown, namedPlaces } from "./channels.ts";
import type { Config } from "./config.types.ts";
import { isExpected } from "./say.ts";
import { type Sites, TOPIC } from "./sites.ts";
import { wordsOf } from "./words.ts";

/** What is configured in `sites`: whether it can be right, and how it goes. */
export class SiteSettings {
  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly sites: Sites,
  ) {}

  /** Throws `invalid_argument` for a channel that is listed twice, or with its link. */
  check(): void {
    const names = this.#names();
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) throw wrong(`channel ${twice} is listed twice`, "keep one of its entries");
    const withLink = names.find((name) => name.includes("/"));
    if (withLink === undefined) return;
    const alone = withLink.slice(withLink.indexOf("/") + 1);
    throw wrong(`${withLink} names a link of this site alone`, `write the channel's name, such as ${alone === "" ? "Valley" : alone}`);
  }

  /** Without the permission the rest of the bridge works. */
  subscribe(): void {
    try {
      this.plugin.region.subscribe(TOPIC, (message) => this.sites.receive(message));
    } catch (error) {
      if (!isExpected(error)) throw error;
      if (this.#names().length > 0) this.plugin.log.warn("nothing is carried between sites", { error });
    }
  }

  /** One for each channel, for an operator. */
  async lines(): Promise<string[]> {
    const names = this.#names();
    if (names.length === 0) return [];
    const [status, online] = [await this.plugin.getNetworkStatus(), await this.#online()];
    return names.map((channel) => this.#line(channel, status, online));
  }

  #line(channel: string, status: NetworkStatus, online: number | null): string {
    const t = wordsOf(this.plugin);
    if (online === null) return t("sites_denied", { channel });
    if (status.links.every(areChannelsKnown) && namedPlaces(channel, status).length === 0) return t("sites_unknown", { channel });
    const counts = { channel, ...this.sites.countsOf(channel) };
    return online === 0 ? t("sites_none", counts) : t("sites", { ...counts, count: online });
  }

  /** Other sites that are online; null: the plugin may not know. */
  async #online(): Promise<number | null> {
    try {
      return (await this.plugin.region.sites()).filter(({ isSelf, isOnline }) => isOnline && !isSelf).length;
    } catch (error) {
      if (!isExpected(error)) throw error;
      return null;
    }
  }

  #names(): readonly string[] {
    return this.plugin.getConfig("sites").map(({ channel }) => channel);
  }
}

function wrong(what: string, how: string): PluginError {
  return new PluginError("invalid_argument", `sites: ${what}`, `${how} in plugins.config.bridge.sites`);
}
