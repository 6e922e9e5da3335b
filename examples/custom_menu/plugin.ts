import { type MenuContext, Plugin } from "zephyrgate";
import { Bookings } from "./bookings.ts";

/** A menu of the plugin's own: it shows as one line of the main menu. */
const MENU = "camp";

export default class CustomMenu extends Plugin {
  readonly #bookings = new Bookings(this);

  override initialize() {
    this.registerMenuItem(MENU, "News", this.news, { command: "news", order: 10 });
    this.registerMenuItem(MENU, "Water", this.water, { command: "water", order: 20 });
    this.registerMenuItem(MENU, "Huts", this.huts, { command: "huts", order: 30 });
    // Items that name a parent hang under it: choosing Huts shows them.
    this.registerMenuItem(MENU, "Book a bed", this.book, { command: "book", parent: "huts" });
    this.registerMenuItem(MENU, "My booking", this.mine, { command: "mine", parent: "huts" });
    // Others neither see nor reach this one.
    this.registerMenuItem(MENU, "Write the news", this.write, { command: "write", adminOnly: true, order: 90 });
  }

  async news() {
    return (await this.retrieveData("news", "")) || "No news";
  }

  /** A spring at a time: sessionData lasts from one message of a node to its next. */
  water({ sessionData }: MenuContext) {
    const springs = this.getConfig("springs", [""]);
    const at = Number(sessionData.spring ?? 0);
    sessionData.spring = (at + 1) % springs.length;
    return `Spring ${at + 1} of ${springs.length}: ${springs[at] ?? "unknown"}`;
  }

  /** No answer: the items under this one are shown. */
  huts() {}

  /** `args` are the words behind the choice: `book north`. */
  async book({ args, senderId, senderName }: MenuContext) {
    const hut = args[0]?.toLowerCase();
    const free = await this.#bookings.free();
    if (hut === undefined || !(hut in free)) {
      const beds = Object.entries(free).map(([name, count]) => `${name} (${count} free)`);
      return `Which hut? ${beds.join(", ")}. Send: book HUT`;
    }
    if (free[hut] === 0) return `No bed is free in ${hut}`;
    await this.#bookings.book(senderId, hut);
    this.log.info(`${senderName} has booked`, { hut });
    return `A bed in ${hut} is yours`;
  }

  async mine({ senderId }: MenuContext) {
    const hut = await this.#bookings.of(senderId);
    return hut === null ? "You have booked nothing" : `A bed in ${hut}`;
  }

  async write({ args }: MenuContext) {
    await this.storeData("news", args.join(" "));
    return args.length === 0 ? "The news are gone" : "Written";
  }
}
