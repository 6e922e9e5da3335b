/** Uses of the sdk that must compile. Never run: `bun run types` is the test. */
import {
  type CommandContext,
  cutText,
  definePlugin,
  defineTexts,
  fitLines,
  type IncomingMessage,
  type Json,
  type MenuContext,
  type MessageContext,
  type MessageStatusEvent,
  PermissionDenied,
  Plugin,
  PluginError,
  type PluginMessage,
  type RegistrationHandle,
  type TaskRun,
} from "zephyrgate";

const sites0 = () => 1;

interface Config {
  readonly place: string;
  readonly alarm: { readonly level: number; readonly words?: readonly string[] };
  readonly extra?: Json;
}

export default class Right extends Plugin<Config> {
  #handle: RegistrationHandle | null = null;

  override async initialize() {
    this.#handle = this.registerCommand("hello", this.hello, { help: "Say hello", aliases: ["h"], priority: 10, adminOnly: false });
    this.registerCommand("quiet", () => undefined);
    this.registerCommand("later", async (args) => args.join(" "));
    this.registerKeyword("good morning", (match, context) => `${match.join()} ${context.senderName}`, { help: "Greets" });
    this.registerMessageHandler(this.heard, { kinds: ["text", "position"], priority: 1 });
    this.registerScheduledTask("poll", { interval: 600, runAtStart: true }, this.poll);
    this.registerScheduledTask("report", { cron: "0 8 * * *", timezone: "Europe/Berlin", catchUp: true }, () => {});
    this.registerMenuItem("utilities", "Tides", this.tides, { command: "tides", order: 1, parent: "water" });
    this.registerPluginMessageHandler((message: PluginMessage) => ({ got: message.data }));
    this.region.subscribe("scores", ({ site, body }) => this.log.info(site.name, { body }));
    this.region.subscribe<{ points: number }>("scores", async ({ body }) => body.points + 1).dispose();
    const { sites }: { sites: number } = await this.region.publish("scores", { points: sites0() }, { site: "0a" });
    await this.region.storeShared("a/b", [sites, null], { ttl: 60, site: "0a" });
    const count: number = await this.retrieveShared("count", 0);
    const found: { a: string } | undefined = await this.region.retrieveShared<{ a: string }>("a");
    const names: string[] = (await this.region.sites()).map(
      ({ name, id, isSelf, isOnline, heardAt }) => `${name}${id}${isSelf}${isOnline}${heardAt}`,
    );
    const removed: boolean = await this.deleteShared(`${names}${count}${found?.a}`);
    const keys: readonly string[] = await this.listShared(`${removed}`);
    this.log.debug(keys.join());
    await this.storeShared("own", 1, { own: true });
    await this.deleteShared("own", { own: true });
    const { entries, next } = await this.region.readShared("own", { after: "" });
    this.log.debug(entries.map(({ key, site, isOwn, isSelf }) => `${key}${site.name}${isOwn}${isSelf}${next}`).join());
    this.onEvent("node_seen", (data) => this.log.info("seen", { data }));
    await this.db.migrate(["CREATE TABLE visits (node TEXT, at INTEGER)", ["CREATE INDEX a ON visits (at)", "SELECT 1"]]);
    return true;
  }

  override cleanup() {
    this.#handle?.dispose();
  }

  override healthCheck() {
    return true;
  }

  override onConfigChanged(changedKeys: string[], config: Readonly<Config>) {
    this.log.debug(changedKeys.join(), { level: config.alarm.level });
  }

  hello(args: string[], context: CommandContext): string {
    context.sessionData.visits = args.length;
    const place: string = this.getConfig("place");
    const level: number = this.getConfig("alarm.level", 3);
    const words: readonly string[] | undefined = this.getConfig("alarm.words");
    return `${place} ${level} ${words?.length} ${context.timestamp.toISOString()} ${context.message.text ?? ""}`;
  }

  async heard(message: IncomingMessage, context: MessageContext) {
    const { id } = await this.sendMessage("heard you", { destination: context.senderId, channel: 0, priority: "high", wantAck: true });
    await this.sendMessage("to a number", { destination: 1234, replyTo: message.packetId });
    return `${id} ${message.hopsAway ?? 0}`;
  }

  async poll(run: TaskRun) {
    const answer = await this.httpGet("https://api.example.org", {
      params: { n: 1, b: true },
      headers: { accept: "text/plain" },
      timeout: 8,
    });
    if (!answer.ok) return answer.error.message;
    await this.httpPost("https://api.example.org", { data: { reason: run.reason } });
    await this.storeData("last", { at: Date.now(), data: answer.data }, { ttl: 60 });
    const last = await this.retrieveData("count", 0);
    const next: number = last + 1;
    const rows = await this.db.query<{ node: string }>("SELECT node FROM visits WHERE at > ?", next);
    const result = await this.db.run("DELETE FROM visits WHERE node = ?", rows[0]?.node ?? null);
    await this.db.transaction([["INSERT INTO visits VALUES (?, ?)", "a", 1n], ["DELETE FROM visits"]]);
    return result.changes;
  }

  async tides(context: MenuContext) {
    try {
      const nodes = await this.getNodes();
      return `${context.args.length} ${nodes[0]?.longName ?? "nobody"} ${this.formatTime(new Date(), { style: "time" })}`;
    } catch (thrown) {
      if (thrown instanceof PermissionDenied) return thrown.hint;
      if (thrown instanceof PluginError) return thrown.code;
      throw thrown;
    }
  }
}

/** Without a type of its configuration a plugin reads JSON by any key. */
export class Loose extends Plugin {
  override initialize() {
    const every: number = this.getConfig("update.interval", 300);
    const found: Json | undefined = this.getConfig("anything");
    const answer: Promise<Json> = this.sendToPlugin("weather", "temperature", { place: "Oslo" }, { timeout: 5 });
    return every > 0 && found !== null && answer !== undefined;
  }
}

export const asFunction = definePlugin((plugin) => {
  plugin.registerCommand("ping", () => "pong");
});

interface Question {
  text: string;
  answers: string[];
  hint?: string;
}

/** What plugin authors write: interfaces, casts of what was stored, typed events, channels from the configuration. */
export class Author extends Plugin {
  override initialize() {
    this.onEvent("message_status", (event) => this.log.info(`${event.id} is ${event.state}`, { part: event.part ?? 0 }));
    this.onEvent("message_status", (event) => this.note(event as MessageStatusEvent));
    this.onEvent("message_received", (message) => `${message.from} ${message.text ?? ""}`);
    this.onEvent("node_seen", async (node) => `${node.id} ${node.batteryLevel ?? "?"}`);
    this.onEvent<{ celsius: number }>("weather.changed", (event) => `${event.source}: ${event.data.celsius + 1}`);
    this.registerScheduledTask("poll", { interval: this.getConfig("every", 60), runAtStart: true }, () => undefined);
    this.registerScheduledTask("report", { cron: "0 8 * * *", timezone: "Europe/Berlin" }, () => undefined);
    this.registerCommand("quiz", async (_args, context) => {
      const answer: string | null = await context.ask("Which?", { timeout: 30 });
      await this.sendMessage("next", { channel: context.channel });
      return answer;
    });
  }

  note(_event: MessageStatusEvent) {}

  async keep(questions: Question[]) {
    await this.storeData("questions", questions);
    await this.storeData("first", questions[0] ?? null);
    const stored = (await this.retrieveData("questions")) as Question[];
    const typed = await this.retrieveData<Question[]>("questions", []);
    const asked: Question[] | undefined = await this.retrieveData("questions");
    await this.emitEvent("quiz.asked", typed[0] ?? null);
    await this.sendToPlugin("weather", "ask", { questions: stored.length, first: asked?.[0] ?? null });
    await this.sendMessage("hello", { channel: this.getConfig("channel", 0), destination: "broadcast" });
    await this.sendMessage("hello", { channel: "LongFast" });
  }

  speak(count: number): string {
    const texts = defineTexts({
      en: { hello: "Hello {name}", found: { one: "one", other: "{count} of {all}" }, plain: "Nothing" },
      de: { hello: "Moin {name}", found: { one: "eins", other: "{count} von {all}" }, plain: "Nichts" },
    });
    const t = texts(this.language);
    return fitLines([t("hello", { name: "Ridge" }), t("found", { count, all: 3 }), cutText(t("plain"), 20)], { title: "NEWS" }).text;
  }
}
