import { type Json, Plugin, type PluginMessage } from "zephyrgate";

const KM_PER_MILE = 1.609344;

export default class PluginCommunicatorPeer extends Plugin {
  #asked = 0;

  override initialize() {
    this.registerPluginMessageHandler(this.answer);
    this.onEvent("communicator.asked", this.asked);
  }

  /** What is returned is the answer; null, that this message is not for us. */
  async answer({ type, data, source }: PluginMessage): Promise<Json> {
    if (type === "how_are_you") return `asked ${this.#asked} times`;
    if (type !== "convert") return null;
    const converted = convert(data);
    if (converted === null) return null;
    await this.emitEvent("peer.converted", { for: source });
    return converted;
  }

  asked() {
    this.#asked += 1;
  }
}

/** Another plugin's data are checked like a stranger's. */
function convert(data: Json): string | null {
  if (typeof data !== "object" || data === null || !("value" in data) || !("unit" in data)) return null;
  const { value, unit } = data as { [key: string]: Json };
  if (typeof value !== "number") return null;
  if (unit === "km") return `${value} km are ${(value / KM_PER_MILE).toFixed(1)} mi`;
  return unit === "mi" ? `${value} mi are ${(value * KM_PER_MILE).toFixed(1)} km` : null;
}
