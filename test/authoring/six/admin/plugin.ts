import { type CommandContext, type EventMap, Plugin, PluginError } from "zephyrgate";

export default class Admin extends Plugin {
  #failures: string[] = [];
  #undelivered = 0;

  override initialize() {
    this.registerCommand("status", this.status, { help: "How the gateway is", adminOnly: true });
    this.registerCommand("plugins", this.plugins, { help: "What runs", adminOnly: true });
    this.registerCommand("say", this.say, { help: "Says something on a channel", usage: "say CHANNEL TEXT", adminOnly: true });
    this.onEvent("plugin_failed", this.failed);
    this.onEvent("message_status", ({ state }) => {
      if (state === "failed") this.#undelivered += 1;
    });
  }

  failed({ plugin, reason }: EventMap["plugin_failed"]) {
    this.#failures = [...this.#failures, `${plugin}: ${reason}`].slice(-3);
  }

  async status() {
    const { connected, nodeCount, links } = await this.getNetworkStatus();
    const radios = links.map(({ name, state }) => `${name} ${state}`).join(", ");
    const trouble = this.#failures.length === 0 ? "" : `\n${this.#failures.join("\n")}`;
    return `${connected ? "up" : "down"}: ${radios}; ${nodeCount} nodes; ${this.#undelivered} undelivered${trouble}`;
  }

  async plugins() {
    return (await this.getPlugins()).map(({ name, version, state }) => `${name} ${version} ${state}`).join("\n");
  }

  async say([channel = "", ...words]: string[], context: CommandContext) {
    const text = words.join(" ");
    if (text === "") return "Usage: say CHANNEL TEXT";
    try {
      const { id } = await this.sendMessage(text, { destination: "broadcast", channel: /^\d+$/.test(channel) ? Number(channel) : channel });
      this.log.info("said", { id, by: context.senderId });
      return "queued";
    } catch (error) {
      if (error instanceof PluginError) return error.message;
      throw error;
    }
  }
}
