import type { Logger } from "../log/logger.ts";
import type { CoreDatabase } from "../storage/core.ts";
import type { RoomSchema } from "../storage/core-open.ts";
import type { Channel, LinkStatus } from "./link-status.ts";

export const CHANNELS_SCHEMA: RoomSchema = {
  room: "channels",
  versions: ["CREATE TABLE channels (link TEXT PRIMARY KEY, channels TEXT NOT NULL) STRICT"],
};

/** Links whose channels are remembered; a configuration has far fewer. */
const LINKS_MAX = 100;

/**
 * The channels that each link's radio told last, over restarts: a text for a channel by its name can be queued before the radio is
 * connected. What the radio tells when it connects counts from then on.
 */
export class KnownChannels {
  readonly #byLink = new Map<string, readonly Channel[]>();

  constructor(
    private readonly database: CoreDatabase,
    private readonly log: Logger,
  ) {
    const rows = database.sqlite.query<{ link: string; channels: string }, []>("SELECT link, channels FROM channels").all();
    // Our own database, written by `see`.
    for (const { link, channels } of rows) this.#byLink.set(link, JSON.parse(channels));
  }

  /** The link's status; while its radio has told no channels, with those that it told last. */
  complete(status: LinkStatus): LinkStatus {
    const known = status.channels.length > 0 ? undefined : this.#byLink.get(status.name);
    return known === undefined ? status : { ...status, channels: known };
  }

  /** A link changed its state. */
  see({ name, state, channels }: Pick<LinkStatus, "name" | "state" | "channels">): void {
    if (state !== "up" || channels.length === 0) return;
    const told = JSON.stringify(channels);
    if (told === JSON.stringify(this.#byLink.get(name)) || (this.#byLink.size >= LINKS_MAX && !this.#byLink.has(name))) return;
    this.#byLink.set(name, channels);
    try {
      this.database.write(() => this.database.sqlite.run("INSERT OR REPLACE INTO channels VALUES (?, ?)", [name, told]));
    } catch (error) {
      this.log.warn("the channels of a link could not be stored: they are known until the next stop", { link: name, error });
    }
  }
}
