import { type IncomingMessage, type MessageContext, Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";

interface Post {
  readonly from: string;
  readonly name: string;
  readonly text: string;
  readonly at: string;
}

const MOST = 200;

export default class Webhook extends Plugin<Config> {
  override async initialize() {
    await this.db.migrate(["CREATE TABLE waiting (id INTEGER PRIMARY KEY, post TEXT NOT NULL)"]);
    this.registerMessageHandler(this.heard);
    this.registerScheduledTask("flush", { interval: 60 }, this.flush);
  }

  async heard(message: IncomingMessage, context: MessageContext) {
    const post: Post = {
      from: context.senderId,
      name: context.senderName,
      text: message.text ?? "",
      at: context.timestamp.toISOString(),
    };
    await this.db.run("INSERT INTO waiting (post) VALUES (?)", JSON.stringify(post));
    await this.db.run("DELETE FROM waiting WHERE id <= (SELECT max(id) FROM waiting) - ?", MOST);
    await this.flush();
  }

  /** In order, and none twice: what fails stays first. */
  async flush() {
    const token = await this.getSecret("token");
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    for (const { id, post } of await this.db.query<{ id: number; post: string }>("SELECT id, post FROM waiting ORDER BY id LIMIT 20")) {
      const answer = await this.httpPost(this.getConfig("url"), {
        data: post,
        headers: { ...headers, "content-type": "application/json" },
      });
      if (!answer.ok) return this.log.warn("the address does not take it", { code: answer.error.code, waits: id });
      await this.db.run("DELETE FROM waiting WHERE id = ?", id);
    }
  }
}
