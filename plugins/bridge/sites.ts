/** Named channels that sites of a region have in common. */
import type { NetworkStatus, Plugin, RegionMessage } from "zephyrgate";
import { namedPlaces, type Place } from "./channels.ts";
import { cleanName, cleanText } from "./clean.ts";
import type { Config } from "./config.types.ts";
import { Guard, isCarried, isNamed, type Limit } from "./guard.ts";
import { Recent } from "./recent.ts";
import { isExpected, say } from "./say.ts";
import { readShared, type SharedText } from "./shared.ts";

type Entry = Config["sites"][number];

export const TOPIC = "texts";
const PER_HOUR = 30;
/** How long a text of another site waits, ms: the own radio may hear it, too. */
const HOLD_MS = 3_000;
/** Sites on one air take turns, so that each hears what the one before said. */
const TURN_MS = 3_000;
const TURNS_MAX = 4;
const WAITING_MAX = 60;
const WAITING_OF_ONE = 10;
const REMEMBERED_MAX = 500;
const TOLD_AGAIN_MS = 3_600_000;

/** Texts since the plugin started: given to the region, sent here, and those that were not. */
interface Counts {
  given: number;
  sent: number;
  held: number;
}

/** A text that was heard by radio. */
export interface HeardText {
  readonly link: string;
  readonly index: number;
  readonly text: string;
  readonly sender: string;
  readonly name: string;
  readonly packetId: number;
}

/** A text of another site. */
interface Incoming extends SharedText {
  readonly entry: Entry;
  readonly site: RegionMessage["site"];
}

/** Gives texts of the listed channels to the region, and sends those of other sites. */
export class Sites {
  readonly #guard = new Guard();
  /** What the own radio heard, by sender and packet id. */
  readonly #heard = new Recent(REMEMBERED_MAX);
  /** What other sites gave, by sender, packet id and text: with another text a site cannot keep away what others heard. */
  readonly #taken = new Recent(REMEMBERED_MAX);
  readonly #counts = new Map<string, Counts>();
  /** Texts that wait, by site. */
  readonly #waiting = new Map<string, number>();
  /** When something was said in the log, by what, ms since 1970. */
  readonly #told = new Map<string, number>();

  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly isOn: () => Promise<boolean>,
  ) {}

  countsOf(channel: string): Counts {
    const counts = this.#counts.get(channel) ?? { given: 0, sent: 0, held: 0 };
    this.#counts.set(channel, counts);
    return counts;
  }

  /** Every text, at once: another site may have given it already. */
  remember(sender: string, packetId: number): void {
    this.#heard.add(`${sender} ${packetId}`);
  }

  /** Gives it to the region where its channel is listed. */
  async give(heard: HeardText): Promise<void> {
    const entries = this.plugin.getConfig("sites");
    if (entries.length === 0) return;
    const status = await this.plugin.getNetworkStatus();
    for (const entry of entries) {
      const isThere = namedPlaces(entry.channel, status).some(({ link, index }) => link === heard.link && index === heard.index);
      if (isThere) await this.#give(entry, heard);
    }
  }

  async #give({ channel, per_hour: perHour = PER_HOUR }: Entry, { link, text: heard, sender, name, packetId }: HeardText): Promise<void> {
    const now = Date.now();
    const text = cleanText(heard);
    this.#guard.noteCarried(wayTo(channel, link), text, now);
    const counts = this.countsOf(channel);
    const way = wayFrom(channel);
    const limit = [{ of: way, perHour }];
    const wasSaidHere = isNamed(text) && this.#guard.knows(wayTo(channel, link), text, now);
    const held = isCarried(text) || wasSaidHere || this.#guard.knows(way, text, now) || !this.#guard.hasRoom(limit, now);
    if (held) counts.held++;
    else if (await this.#publish({ channel, text, sender, name: cleanName(name), packetId })) {
      this.#guard.spend(limit, now);
      this.#guard.note(way, text, now);
      counts.given++;
    } else counts.held++;
  }

  /** Whether another site has it now. */
  async #publish(shared: SharedText): Promise<boolean> {
    try {
      const { sites } = await this.plugin.region.publish(TOPIC, { ...shared });
      return sites > 0;
    } catch (error) {
      if (!isExpected(error)) throw error;
      this.plugin.log.warn("a text could not be given to the region", { channel: shared.channel, error });
      return false;
    }
  }

  /** A message of another site, whatever is in it. */
  async receive({ site, body }: RegionMessage): Promise<void> {
    const shared = readShared(body);
    if (shared === null) return this.#tell(`rubbish ${site.id}`, "a site sends what is no text of a channel; it was left out", site);
    const entry = this.plugin.getConfig("sites").find(({ channel }) => channel === shared.channel);
    if (entry === undefined || this.#isKnown(shared)) return;
    const text = cleanText(shared.text);
    const incoming = { ...shared, text, entry, site };
    if (this.#mayWait(incoming)) await this.#hold(incoming);
    else this.countsOf(shared.channel).held++;
  }

  #isKnown({ sender, packetId, text }: SharedText): boolean {
    return this.#heard.has(`${sender} ${packetId}`) || this.#taken.has(`${sender} ${packetId} ${cleanText(text)}`);
  }

  #mayWait({ text, entry, site }: Incoming): boolean {
    if (text === "" || isCarried(text) || this.plugin.getConfig("except").some((start) => text.startsWith(start))) return false;
    if (!this.#hasRoom(entry, site)) return false;
    const all = [...this.#waiting.values()].reduce((sum, count) => sum + count, 0);
    return all < WAITING_MAX && (this.#waiting.get(site.id) ?? 0) < WAITING_OF_ONE;
  }

  /** Within both limits; the log says which one is reached. */
  #hasRoom(entry: Entry, site: RegionMessage["site"]): boolean {
    const now = Date.now();
    const { ofAll, ofOne } = limitsOf(entry, site.id);
    const { channel } = entry;
    const of = { channel, per_hour: ofAll.perHour, per_site: ofOne.perHour };
    if (!this.#guard.hasRoom([ofOne], now))
      this.#tell(`one ${channel} ${site.id}`, "a site sends more than per_site; the rest is held back", site, of);
    else if (!this.#guard.hasRoom([ofAll], now))
      this.#tell(`all ${channel}`, "the sites send more than per_hour; the rest is held back", site, of);
    else return true;
    return false;
  }

  async #hold(incoming: Incoming): Promise<void> {
    const { sender, packetId, text, site, channel } = incoming;
    this.#taken.add(`${sender} ${packetId} ${text}`);
    this.#count(site.id, 1);
    try {
      const ms = HOLD_MS + TURN_MS * (await this.#turn(site.id));
      setTimeout(() => this.#end(incoming), ms);
    } catch (error) {
      if (!isExpected(error)) throw error;
      this.#count(site.id, -1);
      this.countsOf(channel).held++;
      this.#tell("hold", "texts of other sites cannot be held for some seconds, and are not sent", site, { error });
    }
  }

  #count(site: string, by: number): void {
    const count = (this.#waiting.get(site) ?? 0) + by;
    if (count > 0) this.#waiting.set(site, count);
    else this.#waiting.delete(site);
  }

  /** Another one at each site that got the text; the same for all of one site, so that they stay in their order. */
  async #turn(origin: string): Promise<number> {
    const sites = (await this.plugin.region.sites()).filter(({ id, isOnline, isSelf }) => isSelf || (isOnline && id !== origin));
    const ids = sites.map(({ id }) => id).sort();
    const self = sites.find(({ isSelf }) => isSelf)?.id ?? "";
    const first = Number.parseInt(origin.slice(0, 8), 16);
    return ((ids.indexOf(self) + first) % Math.max(1, ids.length)) % TURNS_MAX;
  }

  async #end(incoming: Incoming): Promise<void> {
    this.#count(incoming.site.id, -1);
    try {
      // The own radio has heard it meanwhile.
      if (this.#heard.has(`${incoming.sender} ${incoming.packetId}`) || !(await this.isOn())) return;
      const sent = await this.#send(incoming, await this.plugin.getNetworkStatus());
      const counts = this.countsOf(incoming.channel);
      if (sent) counts.sent++;
      else counts.held++;
    } catch (error) {
      this.plugin.log.warn("a text of another site could not be carried", { site: incoming.site.name, error });
    }
  }

  /** On every link that has the channel and is free. */
  async #send({ entry, site, channel, text, sender, name }: Incoming, status: NetworkStatus): Promise<boolean> {
    const now = Date.now();
    const places = namedPlaces(channel, status).filter((place) => this.#isFree(place, channel, text, now));
    if (places.length === 0 || !this.#hasRoom(entry, site)) return false;
    const { ofAll, ofOne } = limitsOf(entry, site.id);
    this.#guard.spend([ofAll, ofOne], now);
    let sent = 0;
    for (const { link, index } of places) {
      this.#guard.note(wayTo(channel, link), text, now);
      const shown = cleanName(name) === "" ? sender : name;
      if (await say(this.plugin, `${link}/${index}`, { name: shown, origin: site.name, text })) sent++;
    }
    return sent > 0;
  }

  #isFree({ link, isUp, utilization }: Place, channel: string, text: string, now: number): boolean {
    if (!isUp || (utilization ?? 0) > this.plugin.getConfig("max_utilization")) return false;
    const wasHeardHere = isNamed(text) && this.#guard.knows(wayFrom(channel), text, now);
    return !wasHeardHere && !this.#guard.knows(wayTo(channel, link), text, now);
  }

  /** Once an hour. */
  #tell(key: string, what: string, site: RegionMessage["site"], more: { readonly [field: string]: unknown } = {}): void {
    const now = Date.now();
    if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < TOLD_AGAIN_MS) return;
    this.#told.set(key, now);
    this.plugin.log.warn(what, { site: site.name, id: site.id, ...more });
  }
}

/** Of all other sites together, and of this one. */
function limitsOf(
  { channel, per_hour: perHour = PER_HOUR, per_site }: Entry,
  site: string,
): { readonly ofAll: Limit; readonly ofOne: Limit } {
  return {
    ofAll: { of: `< ${channel}`, perHour },
    ofOne: { of: `< ${channel} ${site}`, perHour: per_site ?? Math.ceil(perHour / 2) },
  };
}

function wayFrom(channel: string): string {
  return `${channel} > region`;
}

function wayTo(channel: string, link: string): string {
  return `region > ${link}/${channel}`;
}
