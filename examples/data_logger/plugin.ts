import { type CommandContext, type IncomingMessage, type MessageContext, Plugin } from "zephyrgate";
import { battery, logged, track } from "./handlers/questions.ts";
import { readBattery, readPosition } from "./readings.ts";
import { MIGRATIONS } from "./tables.ts";
import { cleanUp } from "./tasks/clean_up.ts";

export default class DataLogger extends Plugin {
  override async initialize() {
    // First the tables: everything else relies on them.
    await this.db.migrate(MIGRATIONS);
    this.registerMessageHandler(this.record, { kinds: ["position", "telemetry"] });
    this.registerCommand("track", this.track, { help: "Where a node was last", usage: "track [node]" });
    this.registerCommand("battery", this.battery, { help: "How a node's battery does", usage: "battery [node]" });
    this.registerCommand("logged", () => logged(this), { help: "How much is logged" });
    this.registerScheduledTask("clean_up", { cron: "30 3 * * *", catchUp: true }, () => cleanUp(this));
  }

  /** Returns nothing: what a message handler returns would be sent as a reply. */
  async record(message: IncomingMessage, { senderId, senderName, timestamp }: MessageContext): Promise<void> {
    const at = timestamp.getTime();
    const position = readPosition(message);
    const percent = readBattery(message);
    if (position !== null) {
      const { latitude, longitude } = position;
      await this.db.run(
        "INSERT INTO positions (node, name, at, latitude, longitude) VALUES (?, ?, ?, ?, ?)",
        senderId,
        senderName,
        at,
        latitude,
        longitude,
      );
    }
    if (percent !== null)
      await this.db.run("INSERT INTO batteries (node, name, at, percent) VALUES (?, ?, ?, ?)", senderId, senderName, at, percent);
  }

  track(args: string[], context: CommandContext) {
    return track(this, args.join(" ") || context.senderName);
  }

  battery(args: string[], context: CommandContext) {
    return battery(this, args.join(" ") || context.senderName);
  }
}
