import { type CommandContext, Plugin } from "zephyrgate";

export default class Ping extends Plugin {
  override initialize() {
    this.registerCommand("ping", this.ping, { help: "How well the gateway hears you" });
  }

  ping(_args: string[], context: CommandContext) {
    return `pong: ${heard(context.message)}`;
  }
}

/** A packet that took hops was last heard from a neighbour: its SNR says nothing about the sender. */
function heard({ snr, rssi, hopsAway }: CommandContext["message"]): string {
  const hops = hopsAway === undefined ? [] : [hopsAway === 0 ? "direct" : `${hopsAway} hop${hopsAway === 1 ? "" : "s"}`];
  const signal = [...(snr === undefined ? [] : [`SNR ${snr} dB`]), ...(rssi === undefined ? [] : [`RSSI ${rssi} dBm`])];
  const facts = [...hops, ...signal];
  return facts.length === 0 ? "heard, but the radio does not say how" : facts.join(", ");
}
