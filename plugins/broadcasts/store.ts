import { type Json, type Plugin, PluginError } from "zephyrgate";
import { type Broadcast, type Content, isCron, type To, type When } from "./broadcast.ts";
import type { Config } from "./config.types.ts";

type Message = Config["messages"][number];

interface Row {
  readonly name: string;
  readonly when_json: string;
  readonly to_json: string;
  readonly content_json: string;
  readonly catch_up: number;
  readonly is_on: number;
}

/** Scheduled texts of the configuration, and those that operators added. */
export class Store {
  constructor(private readonly plugin: Plugin<Config>) {}

  async open(): Promise<void> {
    await this.plugin.db.migrate([
      [
        "CREATE TABLE broadcasts (name TEXT PRIMARY KEY, when_json TEXT NOT NULL, to_json TEXT NOT NULL, content_json TEXT NOT NULL, catch_up INTEGER NOT NULL, is_on INTEGER NOT NULL)",
        // Texts that are sent once, and were; and those of the configuration that an operator turned off.
        "CREATE TABLE done (name TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (name, at))",
        "CREATE TABLE off (name TEXT PRIMARY KEY)",
      ],
    ]);
  }

  /** Those of the configuration first. */
  async all(): Promise<Broadcast[]> {
    const off = new Set((await this.plugin.db.query<{ name: string }>("SELECT name FROM off")).map(({ name }) => name));
    const messages = this.plugin.getConfig("messages");
    const problems = problemsIn(messages);
    if (problems.length > 0)
      throw new PluginError("invalid_argument", `messages: ${problems.join("; ")}`, "correct plugins.config.broadcasts.messages");
    const configured = messages.map((message) => ofConfiguration(message, !off.has(message.name)));
    const rows = await this.plugin.db.query<Row>("SELECT * FROM broadcasts ORDER BY name");
    const names = new Set(configured.map(({ name }) => name));
    return [...configured, ...rows.filter(({ name }) => !names.has(name)).map(ofRow)];
  }

  async add({ name, when, to, content, catchUp }: Broadcast): Promise<void> {
    const sql = "INSERT INTO broadcasts VALUES (?, ?, ?, ?, ?, 1)";
    await this.plugin.db.run(sql, name, JSON.stringify(when), JSON.stringify(to), JSON.stringify(content), catchUp);
  }

  async remove(name: string): Promise<void> {
    await this.plugin.db.run("DELETE FROM broadcasts WHERE name = ?", name);
  }

  async turn({ name, isOfConfiguration }: Broadcast, isOn: boolean): Promise<void> {
    if (!isOfConfiguration) await this.plugin.db.run("UPDATE broadcasts SET is_on = ? WHERE name = ?", isOn, name);
    else if (isOn) await this.plugin.db.run("DELETE FROM off WHERE name = ?", name);
    else await this.plugin.db.run("INSERT OR IGNORE INTO off VALUES (?)", name);
  }

  /** Whether a text that is sent once was. */
  async isDone(name: string, at: string): Promise<boolean> {
    return (await this.plugin.db.query("SELECT 1 AS yes FROM done WHERE name = ? AND at = ?", name, at)).length > 0;
  }

  async done({ name, isOfConfiguration }: Broadcast, at: string): Promise<void> {
    if (!isOfConfiguration) return this.remove(name);
    await this.plugin.db.run("INSERT OR IGNORE INTO done VALUES (?, ?)", name, at);
  }
}

function ofRow({ name, when_json, to_json, content_json, catch_up, is_on }: Row): Broadcast {
  const when: When = JSON.parse(when_json);
  const to: To = JSON.parse(to_json);
  const content: Content = JSON.parse(content_json);
  return { name, when, to, content, catchUp: catch_up === 1, isOn: is_on === 1, isOfConfiguration: false };
}

/** What is wrong with the messages of the configuration, one sentence each. */
function problemsIn(messages: readonly Message[]): string[] {
  const names = new Set<string>();
  return messages.flatMap(({ name, cron, every_minutes, at, text, action, channel, node }) => {
    const given = (...values: unknown[]) => values.filter((each) => each !== undefined).length;
    const isSecond = names.has(name);
    names.add(name);
    return [
      ...(isSecond ? [`two are called ${name}`] : []),
      ...(given(cron, every_minutes, at) === 1 ? [] : [`${name} needs one of cron, every_minutes and at`]),
      ...(cron === undefined || isCron(cron) ? [] : [`${name}: "${cron}" is no cron pattern of five fields that fits any day`]),
      ...(given(text, action) === 1 ? [] : [`${name} needs one of text and action`]),
      ...(given(channel, node) === 1 ? [] : [`${name} needs one of channel and node`]),
    ];
  });
}

function ofConfiguration(message: Message, isOn: boolean): Broadcast {
  const { name, cron, every_minutes, at, text, action, channel, node, missed } = message;
  const data: Json = action?.data ?? {};
  return {
    name,
    when:
      cron !== undefined ? { kind: "cron", cron } : at !== undefined ? { kind: "at", at } : { kind: "every", minutes: every_minutes ?? 0 },
    to: channel !== undefined ? { kind: "channel", channel } : { kind: "node", node: node ?? "" },
    content:
      action === undefined
        ? { kind: "text", text: text ?? "" }
        : { kind: "action", plugin: action.plugin, type: action.type, data: JSON.stringify(data) },
    catchUp: missed === "once",
    isOfConfiguration: true,
    isOn,
  };
}
