import { type CommandContext, defineTexts, Plugin } from "zephyrgate";
import de from "./locales/de.ts";
import en from "./locales/en.ts";

const texts = defineTexts({ en, de });

export default class Ping extends Plugin {
  override initialize() {
    this.registerCommand("ping", this.ping, { help: texts(this.language)("help") });
  }

  ping(_args: string[], { message }: CommandContext) {
    const t = texts(this.language);
    return t("pong", { facts: heard(t, message) });
  }
}

/** A packet that took hops was last heard from a neighbour: its SNR says nothing about the sender. */
function heard(t: ReturnType<typeof texts>, { snr, rssi, hopsAway }: CommandContext["message"]): string {
  const hops = hopsAway === undefined ? [] : [hopsAway === 0 ? t("direct") : t("hops", { count: hopsAway })];
  const signal = [...(snr === undefined ? [] : [t("snr", { value: snr })]), ...(rssi === undefined ? [] : [t("rssi", { value: rssi })])];
  const facts = [...hops, ...signal];
  return facts.length === 0 ? t("unknown") : facts.join(", ");
}
