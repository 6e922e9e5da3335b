import { byteLength, type Json, PermissionDenied, type Plugin, PluginError } from "zephyrgate";
import { type Broadcast, perDay } from "./broadcast.ts";
import type { Config } from "./config.types.ts";
import { wordsOf } from "./words.ts";

const PACKET_BYTES = 200;
const ACTION_TIMEOUT_S = 8;
const DAY_MS = 86_400_000;

/** What a scheduled text costs. */
export interface Budget {
  readonly parts: number;
  /** Of one sending. */
  readonly seconds: number;
  readonly perDay: number;
  /** Of all the time. */
  readonly percent: number;
}

/** `mayPass`: it can be tried again when a link is up. */
export interface Unsent {
  readonly why: string;
  readonly mayPass: boolean;
}

export class Sender {
  constructor(private readonly plugin: Plugin<Config>) {}

  /** Null: it is queued; else why not. */
  async send(broadcast: Broadcast, isLate: boolean): Promise<Unsent | null> {
    const t = wordsOf(this.plugin);
    const made = await this.#textOf(broadcast);
    if (made === null)
      return { why: t("why_answer", { plugin: broadcast.content.kind === "action" ? broadcast.content.plugin : "" }), mayPass: false };
    const text = isLate ? t("late", { text: made }) : made;
    const { to } = broadcast;
    try {
      await this.plugin.sendMessage(
        text,
        to.kind === "node" ? { destination: to.node } : { destination: "broadcast", channel: to.channel },
      );
      return null;
    } catch (error) {
      if (!(error instanceof PluginError || error instanceof PermissionDenied)) throw error;
      this.plugin.log.warn("a scheduled text could not be sent", { name: broadcast.name, error });
      // Until a radio has been connected once, the names of its channels are not known.
      return { why: t("why_send"), mayPass: error instanceof PluginError && error.code === "not_found" };
    }
  }

  async budget({ content, when }: Pick<Broadcast, "content" | "when">): Promise<Budget> {
    // A text that another plugin makes is taken to fill one packet.
    const bytes = content.kind === "text" ? byteLength(content.text) : PACKET_BYTES;
    const parts = Math.ceil(bytes / PACKET_BYTES);
    const { empty, full } = await this.#airtime();
    const ms = parts * empty + ((full - empty) * bytes) / PACKET_BYTES;
    const times = perDay(when);
    return { parts, seconds: ms / 1000, perDay: times, percent: ((ms * times) / DAY_MS) * 100 };
  }

  /** Of the slowest link, ms. */
  async #airtime(): Promise<{ readonly empty: number; readonly full: number }> {
    const times = (await this.plugin.getNetworkStatus()).links.map(({ airtimeMs }) => readAirtime(airtimeMs));
    return times.reduce((slowest, each) => (each.full > slowest.full ? each : slowest), { empty: 0, full: 0 });
  }

  async #textOf({ name, content }: Broadcast): Promise<string | null> {
    if (content.kind === "text") return content.text;
    const data: { readonly [key: string]: string } = JSON.parse(content.data);
    try {
      const answer = await this.plugin.sendToPlugin(content.plugin, content.type, data, { timeout: ACTION_TIMEOUT_S });
      return typeof answer === "string" && answer.trim() !== "" ? answer : null;
    } catch (error) {
      if (!(error instanceof PluginError || error instanceof PermissionDenied)) throw error;
      this.plugin.log.warn("a plugin made no text", { name, plugin: content.plugin, error });
      return null;
    }
  }
}

function readAirtime(value: Json | undefined): { readonly empty: number; readonly full: number } {
  const read = typeof value === "object" && value !== null ? value : {};
  const ms = (each: unknown) => (typeof each === "number" ? each : 0);
  return { empty: ms("empty" in read ? read.empty : 0), full: ms("full" in read ? read.full : 0) };
}
