import type { MessageContext, Plugin } from "zephyrgate";
import { placeOf } from "./channels.ts";
import { cleanText } from "./clean.ts";
import type { Config } from "./config.types.ts";
import { Guard } from "./guard.ts";
import { say } from "./say.ts";

type Rule = Config["rules"][number];

const PER_HOUR = 30;
const WEBHOOK = "webhook";
const WEBHOOK_PER_HOUR = 1000;
const TIMEOUT_S = 8;

/** One direction of a rule. */
interface Way {
  readonly from: string;
  readonly to: string;
  readonly rule: Rule;
}

/** Carries what is said on a channel to another link and to the webhook. */
export class Carrier {
  readonly #guard = new Guard();
  /** By way: texts carried and held back since the plugin started. */
  readonly counts = new Map<string, { carried: number; held: number }>();

  constructor(private readonly plugin: Plugin<Config>) {}

  /** A text on a channel. */
  async carry(text: string, here: Here, context: MessageContext): Promise<void> {
    for (const way of this.#ways()) await this.#carry(way, here, text, context);
    await this.#post(here, text, context);
  }

  /** How often a text was carried and held back on a way. */
  countsOf(way: string): { carried: number; held: number } {
    const counts = this.counts.get(way) ?? { carried: 0, held: 0 };
    this.counts.set(way, counts);
    return counts;
  }

  #ways(): Way[] {
    return this.plugin.getConfig("rules").flatMap((rule) => {
      const { from, to, both_ways } = rule;
      return [{ from, to, rule }, ...(both_ways === true ? [{ from: to, to: from, rule }] : [])];
    });
  }

  async #carry({ from, to, rule }: Way, here: Here, text: string, context: MessageContext): Promise<void> {
    const status = await this.plugin.getNetworkStatus();
    if (!isAt(placeOf(from, status), here)) return;
    if (rule.only !== undefined && !rule.only.some((word) => text.toLowerCase().includes(word.toLowerCase()))) return;
    const way = `${from} > ${to}`;
    const counts = this.countsOf(way);
    const there = placeOf(to, status);
    const isBusy = (there?.utilization ?? 0) > this.plugin.getConfig("max_utilization");
    // A rule that leads back to where the text came from would repeat it to those who have heard it.
    const isElsewhere = there !== null && there.link !== here.link;
    const held =
      !isElsewhere || !there.isUp || isBusy || this.#guard.take(way, cleanText(text), rule.per_hour ?? PER_HOUR, Date.now()) !== null;
    const said = { name: context.senderName, origin: here.link, text };
    if (held || !(await say(this.plugin, `${there.link}/${there.index}`, said))) counts.held++;
    else counts.carried++;
  }

  async #post(here: Here, text: string, { senderId, senderName, timestamp }: MessageContext): Promise<void> {
    const { url, from } = this.plugin.getConfig("webhook");
    if (url === "" || from.length === 0) return;
    const status = await this.plugin.getNetworkStatus();
    if (!from.some((each) => isAt(placeOf(each, status), here))) return;
    const counts = this.countsOf(WEBHOOK);
    if (this.#guard.take(WEBHOOK, text, WEBHOOK_PER_HOUR, Date.now()) !== null) {
      counts.held++;
      return;
    }
    const token = await this.plugin.getSecret("webhook_token");
    const answer = await this.plugin.httpPost(url, {
      data: { text, from: senderId, name: senderName, link: here.link, channel: here.index, time: timestamp.toISOString() },
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      timeout: TIMEOUT_S,
    });
    if (answer.ok) counts.carried++;
    else {
      counts.held++;
      this.plugin.log.warn("the webhook did not take a text", { why: answer.error.message });
    }
  }
}

/** Where a text was heard. */
export interface Here {
  readonly link: string;
  readonly index: number;
}

function isAt(place: Here | null, here: Here): boolean {
  return place !== null && place.link === here.link && place.index === here.index;
}
