import type { Clock } from "../clock.ts";
import type { Json } from "../json.ts";
import type { EmergencyCall } from "../mesh/emergency/words.ts";
import type { TextMessage } from "../mesh/message.ts";
import { type Answers, replyText } from "./answers.ts";
import type { Calls } from "./calls.ts";
import type { Dialogue } from "./dialogues.ts";
import { askInOrder } from "./handler-chain.ts";
import type { CommandEntry, Entry } from "./match/registry.ts";
import type { MenuAnswer } from "./ports.ts";

/** What became of a message: which plugin was asked, and whether it answered. */
export interface Progress {
  readonly outcome: "replied" | "silent" | "unhandled" | "failed";
  readonly plugin: string | null;
  /** The command or menu item that failed, by its name for users. */
  readonly failed?: string;
}

/** One handler to ask about a text, and its arguments. */
export interface Question {
  readonly entry: Entry;
  readonly words: Json;
  readonly name: string;
}

export const UNHANDLED: Progress = { outcome: "unhandled", plugin: null };

/** Asks handlers about a text, and sends what they reply. */
export class Questions {
  constructor(
    private readonly clock: Clock,
    private readonly calls: Calls,
    private readonly answers: Answers,
  ) {}

  /** Asks handlers in order until one replies. A failure is remembered and the next handler is asked. */
  async inOrder(message: TextMessage, asked: readonly Question[], before: Progress): Promise<Progress> {
    if (asked.length === 0) return before;
    const answers = await askInOrder(
      this.clock,
      asked.map(({ entry, words, name }) => async () => {
        const outcome = await this.calls.call(message, entry, { args: [words], what: { [entry.kind]: name } });
        const text = outcome.ok ? replyText(outcome.value) : null;
        return { plugin: entry.plugin, name, failed: outcome.ok ? null : outcome.cause, text };
      }),
    );
    let progress = before;
    for (const { plugin, name, failed, text } of answers) {
      if (text !== null) {
        this.answers.respond(message, plugin, text);
        return { outcome: "replied", plugin };
      }
      if (failed !== null) progress = { ...this.#failure(message, plugin, name, failed), ...only(progress.failed) };
      else if (progress.failed === undefined) progress = { outcome: "silent", plugin };
    }
    return progress;
  }

  /** Calls the handler of a menu item. */
  async menuItem(message: TextMessage, chosen: Extract<MenuAnswer, { kind: "invoke" }>): Promise<Progress> {
    const { plugin, label, fallback, args, menu, command } = chosen;
    const outcome = await this.calls.call(message, chosen, { args: [], what: { menu: label }, extra: { args, menu, label, command } });
    if (!outcome.ok) return this.#failure(message, plugin, label, outcome.cause);
    const text = replyText(outcome.value) ?? fallback;
    if (text === null) return { outcome: "silent", plugin };
    this.answers.respond(message, plugin, text);
    return { outcome: "replied", plugin };
  }

  /** The text answers a handler's question. */
  async resume(message: TextMessage, dialogue: Dialogue, answer: string | null): Promise<Progress> {
    const { plugin } = dialogue;
    const outcome = await this.calls.resume(dialogue, message, answer);
    if (!outcome.ok) return this.#failure(message, plugin, String(Object.values(dialogue.what)[0] ?? plugin), outcome.cause);
    const text = replyText(outcome.value);
    if (text === null) return { outcome: "silent", plugin };
    this.answers.respond(message, plugin, text);
    return { outcome: "replied", plugin };
  }

  /**
   * Asks all plugins that hold an emergency word at once, so that one that hangs delays nobody's help; the first reply is sent.
   * The alerts went out before.
   */
  async emergency(message: TextMessage, { rest }: EmergencyCall, entries: readonly CommandEntry[]): Promise<Progress> {
    const args = rest === "" ? [] : rest.split(/\s+/);
    let replied: string | null = null;
    const asked = entries.map(async (entry) => {
      const outcome = await this.calls.call(message, entry, { args: [args], what: { command: entry.name } });
      const text = outcome.ok ? replyText(outcome.value) : null;
      if (text === null || replied !== null) return;
      replied = entry.plugin;
      this.answers.respond(message, entry.plugin, text, "emergency");
    });
    await Promise.all(asked);
    return { outcome: "replied", plugin: replied };
  }

  /** What a call that failed is. A full mailbox is not the plugin's fault. */
  #failure(message: TextMessage, plugin: string, name: string, cause: string): Progress {
    if (cause !== "overloaded") return { outcome: "failed", plugin, failed: name };
    this.answers.notifyBusy(message);
    return { outcome: "failed", plugin };
  }
}

/** The first handler that failed is the one that the sender is told of. */
function only(failed: string | undefined): { readonly failed?: string } {
  return failed === undefined ? {} : { failed };
}
