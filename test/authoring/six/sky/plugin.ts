import { type CommandContext, Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { moonOf, sunOf } from "./sun.ts";

export default class Sky extends Plugin<Config> {
  override initialize() {
    this.registerCommand("sky", this.sky, { help: "Sun and moon", usage: "sky [latitude longitude]" });
  }

  sky(args: string[], { senderProfile, timestamp }: CommandContext) {
    const [latitude = Number.NaN, longitude = Number.NaN] = args.length > 0 ? args.map(Number) : placeOf(senderProfile?.position);
    if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) {
      return args.length > 0 ? "Usage: sky [latitude longitude]" : "I do not know where you are: sky 54.47 9.05";
    }
    const sun = sunOf(timestamp, latitude, longitude);
    const moon = `Moon: ${moonOf(timestamp)}`;
    if (typeof sun === "string") return `The sun is ${sun}. ${moon}`;
    return `Sun ${this.#time(sun.rise)} to ${this.#time(sun.set)}. ${moon}`;
  }

  #time(date: Date): string {
    return this.formatTime(date, { timeZone: this.getConfig("time_zone"), style: "time" });
  }
}

function placeOf(position: { readonly latitude: number; readonly longitude: number } | undefined): number[] {
  return position === undefined ? [] : [position.latitude, position.longitude];
}
