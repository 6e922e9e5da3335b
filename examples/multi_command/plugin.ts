import { type CommandContext, Plugin } from "zephyrgate";
import { announce } from "./handlers/announce.ts";
import { note, notes } from "./handlers/notes.ts";
import { roll } from "./handlers/roll.ts";

export default class MultiCommand extends Plugin {
  #rolls = 0;

  override initialize() {
    // A handler can be a method of the class ...
    this.registerCommand("roll", this.roll, { help: "Rolls dice", usage: "roll [COUNTdSIDES]", aliases: ["dice", "r"] });
    this.registerCommand("status", this.status, { help: "How this plugin does", usage: "status dice", priority: 50 });
    // ... or a function that is given what it needs.
    this.registerCommand("note", (args, { senderName }) => note(this, args, senderName), {
      help: "Keeps a note under a name, or shows it",
      usage: 'note NAME ["TEXT"]',
    });
    this.registerCommand("notes", () => notes(this), { help: "Names of all notes" });
    // For others than operators this command does not exist, and help does not list it.
    this.registerCommand("announce", (args) => announce(this, args), {
      help: "Says something on a channel",
      usage: "announce CHANNEL TEXT",
      adminOnly: true,
    });
    this.registerKeyword("thank you", this.thanks, { help: "Is polite" });
  }

  roll(args: string[]) {
    const answer = roll(args[0] ?? "1d6");
    if (answer === null) return "Usage: roll [COUNTdSIDES], for example roll 2d6";
    this.#rolls += 1;
    return answer;
  }

  /**
   * Other plugins may answer `status` too. This one comes early (lower priority first), and where it is not meant it
   * returns nothing: then the next one is asked.
   */
  status(args: string[]) {
    if (args[0] !== "dice") return;
    return `${this.#rolls} rolls since the start`;
  }

  /** `sessionData` is kept per node: everybody is thanked once. */
  thanks(_match: string[], { senderName, sessionData }: CommandContext) {
    if (sessionData.thanked === true) return;
    sessionData.thanked = true;
    return `You are welcome, ${senderName}`;
  }
}
