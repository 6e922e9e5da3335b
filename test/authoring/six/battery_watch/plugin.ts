import { type EventMap, Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";

/** 101: it is powered. */
const POWERED = 101;

export default class BatteryWatch extends Plugin<Config> {
  override initialize() {
    this.registerCommand("batteries", this.batteries, { help: "The lowest batteries" });
    this.onEvent("node_seen", this.seen);
  }

  async seen({ id, longName, batteryLevel, isOwn }: EventMap["node_seen"]) {
    if (isOwn || batteryLevel === undefined) return;
    const key = `low.${id}`;
    const isKnown = await this.retrieveData(key, false);
    if (!isKnown && batteryLevel <= this.getConfig("low")) {
      await this.storeData(key, true);
      await this.sendMessage(`${longName ?? id} has ${batteryLevel} % left`, { destination: this.getConfig("tell"), channel: 0 });
    } else if (isKnown && batteryLevel >= this.getConfig("well")) {
      await this.deleteData(key);
    }
  }

  async batteries() {
    const nodes = (await this.getNodes()).filter(({ isOwn, batteryLevel = POWERED }) => !isOwn && batteryLevel < POWERED);
    const lowest = nodes.sort((a, b) => (a.batteryLevel ?? 0) - (b.batteryLevel ?? 0)).slice(0, 5);
    return lowest.map(({ longName, id, batteryLevel }) => `${longName ?? id} ${batteryLevel} %`).join(", ") || "No batteries heard.";
  }
}
