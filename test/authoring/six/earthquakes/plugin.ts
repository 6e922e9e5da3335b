import { Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { type Quake, quakesOf } from "./feed.ts";

const FEED = "https://earthquake.usgs.gov/fdsnws/event/1/query";
const REMEMBERED_S = 7 * 86_400;
const SHOWN = 3;

export default class Earthquakes extends Plugin<Config> {
  override initialize() {
    this.registerCommand("quakes", this.last, { help: "The last earthquakes nearby" });
    this.registerScheduledTask("look", { interval: 900, runAtStart: true }, this.look);
  }

  async look() {
    const quakes = await this.#fetch();
    if (quakes === null) return;
    const isFirst = (await this.retrieveData<Quake[]>("last")) === undefined;
    await this.storeData("last", quakes.slice(0, SHOWN));
    for (const quake of quakes) {
      const key = `told.${quake.id}`;
      if (await this.retrieveData(key, false)) continue;
      await this.storeData(key, true, { ttl: REMEMBERED_S });
      // What happened before the plugin came is no news.
      if (!isFirst) await this.sendMessage(`Earthquake ${lineOf(quake)}`, { destination: "broadcast", channel: this.getConfig("channel") });
    }
  }

  async last() {
    const quakes = await this.retrieveData<Quake[]>("last", []);
    return quakes.length === 0
      ? "None that I know of."
      : quakes.map((quake) => `${lineOf(quake)}, ${this.formatTime(quake.time)} UTC`).join("\n");
  }

  async #fetch(): Promise<Quake[] | null> {
    const answer = await this.httpGet(FEED, {
      params: {
        format: "geojson",
        latitude: this.getConfig("latitude"),
        longitude: this.getConfig("longitude"),
        maxradiuskm: this.getConfig("radius_km"),
        minmagnitude: this.getConfig("from_magnitude"),
        limit: 20,
      },
    });
    if (answer.ok) return quakesOf(answer.data).sort((a, b) => b.time - a.time);
    this.log.warn("the feed does not answer", { code: answer.error.code, status: answer.error.status ?? null });
    return null;
  }
}

function lineOf({ magnitude, place }: Quake): string {
  return `M${magnitude.toFixed(1)} ${place}`;
}
