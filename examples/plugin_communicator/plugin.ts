import { type CommandContext, type Json, Plugin, PluginError } from "zephyrgate";

/** As the other plugin's manifest has it under `capabilities.provides`. */
const FEATURE = "unit_conversion";

export default class PluginCommunicator extends Plugin {
  #converted = 0;

  override initialize() {
    this.registerCommand("convert", this.convert, { help: "Converts miles and kilometres", usage: "convert NUMBER km|mi" });
    this.registerCommand("peers", this.peers, { help: "Asks the other plugins how they do" });
    this.registerCommand("conversions", () => `${this.#converted} conversions`, { help: "Conversions since the start" });
    this.onEvent("peer.converted", this.converted);
  }

  /** One plugin is asked, and its answer awaited. */
  async convert(args: string[], { senderName }: CommandContext) {
    const value = Number(args[0]);
    const unit = args[1];
    if (!Number.isFinite(value) || (unit !== "km" && unit !== "mi")) return "Usage: convert NUMBER km|mi";
    const helper = await this.#provider();
    if (helper === null) return "No plugin here can convert";
    // Nobody's answer is awaited: whoever is interested has subscribed.
    await this.emitEvent("communicator.asked", { by: senderName });
    try {
      const answer = await this.sendToPlugin(helper, "convert", { value, unit }, { timeout: 5 });
      return typeof answer === "string" ? answer : "The other plugin does not know";
    } catch (error) {
      // not_found, timeout or plugin_failed: the other one's trouble must not become ours.
      if (error instanceof PluginError) return `${helper} cannot help now`;
      throw error;
    }
  }

  /** All whom the permission names are asked at once; those that do not answer are left out. */
  async peers() {
    const answers = await this.broadcastToPlugins("how_are_you");
    if (!Array.isArray(answers) || answers.length === 0) return "Nobody answers";
    return answers.map((answer) => describe(answer as { [key: string]: Json })).join("\n");
  }

  converted() {
    this.#converted += 1;
  }

  /** Found by what it provides and not by its name: another plugin may do it as well. */
  async #provider(): Promise<string | null> {
    const plugins = await this.getPlugins();
    return plugins.find((plugin) => plugin.state === "running" && plugin.provides.includes(FEATURE))?.name ?? null;
  }
}

function describe({ plugin, ok, data, error }: { [key: string]: Json }): string {
  return `${String(plugin)}: ${ok === true ? String(data) : `no answer (${String(error)})`}`;
}
