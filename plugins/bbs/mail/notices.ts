/** Tells a node that it has new mail, once, when it is heard. */
import type { NodeInfo } from "zephyrgate";
import { short } from "../layout.ts";
import type { MailEnvironment } from "./commands.ts";

/** A node that was heard longer ago may be out of reach again, ms. */
const FRESH_MS = 120_000;
/** Who is heard may be asking for the mail just now: then the notice is not needed, ms. */
const PATIENCE_MS = 8_000;
/** A plugin has at most 100 timers. */
const PENDING_MAX = 50;

export class Notices {
  /** Nodes that do not know of a letter: most packets are of others, and cost nothing. */
  readonly #waiting = new Set<string>();
  #pending = 0;

  constructor(private readonly environment: Omit<MailEnvironment, "posted">) {}

  async start(): Promise<void> {
    for (const node of await this.environment.letters.waiting()) this.#waiting.add(node);
  }

  add(node: string): void {
    this.#waiting.add(node);
  }

  /** A node was heard. */
  async heard({ id, isOwn, lastHeard }: NodeInfo): Promise<void> {
    const { plugin } = this.environment;
    if (isOwn || !this.#waiting.has(id) || !plugin.getConfig("notices", true)) return;
    if (lastHeard === undefined || Date.now() - lastHeard > FRESH_MS) return;
    this.#waiting.delete(id);
    if (this.#pending >= PENDING_MAX) return this.#tell(id);
    this.#pending++;
    setTimeout(() => this.#tellLater(id), PATIENCE_MS);
  }

  async #tellLater(id: string): Promise<void> {
    this.#pending--;
    await this.#tell(id);
  }

  async #tell(id: string): Promise<void> {
    const { plugin, t, letters } = this.environment;
    const senders = await letters.untold(id);
    const [from] = senders;
    if (from === undefined) return;
    try {
      await plugin.sendMessage(t("notice", { count: senders.length, from: short(from, 24) }), { destination: id });
      await letters.markTold(id);
    } catch (error) {
      // The next packet of this node is the next chance.
      this.#waiting.add(id);
      plugin.log.warn("a notice of new mail was not sent", { node: id, error });
    }
  }
}
