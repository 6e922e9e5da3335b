import type { Clock, Timer } from "../clock.ts";
import type { Handle } from "../ids.ts";
import type { Json } from "../json.ts";
import type { Logger } from "../log/logger.ts";
import type { NodeNumber } from "../mesh/ids.ts";
import type { TextMessage } from "../mesh/message.ts";
import { normalizeWord } from "../mesh/words.ts";
import type { WireQuestion } from "../sdk/boundary/wire.ts";
import type { CoreDatabase } from "../storage/core.ts";
import type { RoomSchema } from "../storage/core-open.ts";

type JsonObject = { readonly [key: string]: Json };

export const DIALOGUES_SCHEMA: RoomSchema = {
  room: "dialogues",
  versions: [
    `CREATE TABLE dialogues (
       node INTEGER PRIMARY KEY, plugin TEXT NOT NULL, handler TEXT NOT NULL, ends_at INTEGER NOT NULL, state TEXT NOT NULL
     ) STRICT`,
  ],
};

/** Open dialogues; the oldest ends when one more is opened. */
export const DIALOGUES_MAX = 500;
/** Bytes of one dialogue's state, as JSON; a larger one does not survive a restart of the gateway. */
const STATE_MAX = 8_192;
/** What ends a dialogue, as its words are normalised. */
const EXITS: ReadonlySet<string> = new Set(["exit", "quit", "stop", "cancel", "q"]);

/** How the handler was called that asks: enough to call it again. */
export interface AskingCall {
  readonly plugin: string;
  readonly handle: Handle;
  /** They come before the context. */
  readonly args: readonly Json[];
  /** Names the call in logs. */
  readonly what: JsonObject;
  /** Added to the context. */
  readonly extra?: JsonObject;
}

/** A handler that waits for its sender's next text. */
export interface Dialogue extends AskingCall {
  /** The message that the handler was called for. */
  readonly message: TextMessage;
  /** The question's number in its realm; null once the gateway was restarted: then the handler runs again. */
  readonly number: number | null;
  /** Folder of the plugin that asked: another plugin of the same name does not get the answer. */
  readonly place: string;
  /** Answers before this one; null where none came in time. */
  readonly answers: readonly (string | null)[];
  /** As it was sent; "" where a gateway before this one stored it without. */
  readonly question: string;
}

/** A dialogue as its call reports it. */
export type Asked = Omit<Dialogue, "place" | "question">;

interface Row {
  readonly node: NodeNumber;
  readonly plugin: string;
  readonly handler: string;
  readonly ends_at: number;
  readonly state: string;
}

interface Open {
  readonly dialogue: Dialogue;
  readonly timer: Timer;
}

interface Unsent extends Open {
  readonly question: WireQuestion;
}

export interface DialoguesDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly database: CoreDatabase;
  keyOf(plugin: string, handle: Handle): string | null;
  handleOf(plugin: string, key: string): Handle | null;
  /** The folder that a plugin runs from. */
  placeOf(plugin: string): string;
  /** Nobody answered in time. */
  expired(dialogue: Dialogue): void;
}

/**
 * Handlers that wait for an answer: one for each sender, where the question was asked. They survive a restart of the
 * plugin's process, and a restart of the gateway that is shorter than their own time.
 */
export class Dialogues {
  readonly #open = new Map<NodeNumber, Open>();
  /** Handlers whose question has not been sent, by node and plugin: no text answers them, but their time runs. */
  readonly #unsent = new Map<string, Unsent>();
  /** Dialogues from before a restart of the gateway, each until its sender's next text. */
  readonly #fromBefore: Map<NodeNumber, Row>;
  readonly #put;
  readonly #delete;

  constructor(private readonly deps: DialoguesDeps) {
    const { sqlite } = deps.database;
    this.#put = sqlite.prepare("INSERT OR REPLACE INTO dialogues VALUES (?, ?, ?, ?, ?)");
    this.#delete = sqlite.prepare("DELETE FROM dialogues WHERE node = ?");
    const rows = sqlite.query<Row, [number]>("SELECT * FROM dialogues ORDER BY ends_at DESC LIMIT ?").all(DIALOGUES_MAX);
    this.#fromBefore = new Map(rows.map((row) => [row.node, row]));
    if (rows.length > 0) deps.database.write(() => sqlite.run("DELETE FROM dialogues WHERE ends_at < ?", [deps.clock.now()]));
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * A handler asks. The sender's texts are its own until the question is {@link sent}: otherwise a plugin that may not send
   * would take them without anybody's notice. Nothing is opened for more than {@link DIALOGUES_MAX} unsent questions.
   */
  ask(asked: Asked, question: WireQuestion): void {
    const dialogue: Dialogue = { ...asked, place: this.deps.placeOf(asked.plugin), question: question.question };
    const key = unsentKey(dialogue.message.from, dialogue.plugin);
    this.#takeUnsent(key);
    if (this.#unsent.size >= DIALOGUES_MAX) {
      this.deps.log.warn("too many questions of plugins were not sent; one more will get no answer", { plugin: dialogue.plugin });
      return;
    }
    const numbered = { ...dialogue, number: question.dialogue };
    const timer = this.deps.clock.after(question.timeoutS * 1000, () => {
      this.#unsent.delete(key);
      if (this.#isCurrent(numbered)) this.deps.expired(numbered);
    });
    this.#unsent.set(key, { dialogue, question, timer });
  }

  /**
   * A plugin's text was sent to a node. If it is the question of a handler, that waits for the node's next text from now on.
   * Returns the dialogue of the same node that this one replaces, or the oldest of too many.
   */
  sent(to: NodeNumber, plugin: string, text: string): Dialogue | null {
    const key = unsentKey(to, plugin);
    if (this.#unsent.get(key)?.question.question !== text) return null;
    const unsent = this.#takeUnsent(key);
    return unsent === null ? null : this.#openFor(unsent.dialogue, unsent.question);
  }

  #takeUnsent(key: string): Unsent | null {
    const unsent = this.#unsent.get(key) ?? null;
    unsent?.timer.cancel();
    this.#unsent.delete(key);
    return unsent;
  }

  #openFor(dialogue: Dialogue, question: WireQuestion): Dialogue | null {
    const { from } = dialogue.message;
    const replaced = this.end(from) ?? (this.#open.size >= DIALOGUES_MAX ? this.#endOldest() : null);
    this.#set({ ...dialogue, number: question.dialogue }, question.timeoutS * 1000);
    this.#store(dialogue, this.deps.clock.now() + question.timeoutS * 1000);
    return replaced;
  }

  /** Takes the dialogue that this text answers, as {@link waiting} tells it. */
  take(message: TextMessage): Dialogue | null {
    return this.waiting(message) === null ? null : this.end(message.from);
  }

  /** The dialogue that this text may answer: of its sender, in a direct message or on the same channel. */
  waiting(message: TextMessage): Dialogue | null {
    const dialogue = this.#open.get(message.from)?.dialogue ?? this.#stored(message.from);
    if (dialogue === null) return null;
    const asked = dialogue.message;
    const same =
      asked.isDirect === message.isDirect && (message.isDirect || (asked.channel === message.channel && asked.link === message.link));
    return same ? dialogue : null;
  }

  /** Ends a sender's dialogue without an answer. Null also when another plugin has the name of the one that asked by now. */
  end(from: NodeNumber): Dialogue | null {
    const dialogue = this.#open.get(from)?.dialogue ?? this.#stored(from);
    if (dialogue === null) return null;
    this.#open.get(from)?.timer.cancel();
    this.#open.delete(from);
    this.#fromBefore.delete(from);
    this.deps.database.write(() => this.#delete.run(from));
    return this.#isCurrent(dialogue) ? dialogue : null;
  }

  /** The stored ones stay: a gateway that comes back soon goes on with them. */
  stop(): void {
    for (const { timer } of [...this.#open.values(), ...this.#unsent.values()]) timer.cancel();
    this.#open.clear();
    this.#unsent.clear();
  }

  /** Whether the plugin of that name is still the one that asked. One that was stored without a place is not believed. */
  #isCurrent({ plugin, place }: Dialogue): boolean {
    return place === this.deps.placeOf(plugin);
  }

  #endOldest(): Dialogue | null {
    const [oldest] = this.#open.keys();
    return oldest === undefined ? null : this.end(oldest);
  }

  #set(dialogue: Dialogue, ms: number): void {
    const { from } = dialogue.message;
    const timer = this.deps.clock.after(ms, () => {
      const ended = this.end(from);
      if (ended !== null) this.deps.expired(ended);
    });
    this.#open.set(from, { dialogue, timer });
  }

  #store(dialogue: Dialogue, endsAt: number): void {
    const { plugin, place, handle, message, args, what, extra, answers, question } = dialogue;
    const key = this.deps.keyOf(plugin, handle);
    const state = JSON.stringify({ message, args, what, extra, answers, place, question });
    if (key === null || state.length > STATE_MAX) return;
    try {
      this.deps.database.write(() => this.#put.run(message.from, plugin, key, Math.round(endsAt), state));
    } catch (error) {
      this.deps.log.warn("a dialogue will not survive a restart of the gateway: it could not be stored", { plugin, error });
    }
  }

  /** A dialogue from before the gateway's restart, if its time is not over and its handler is registered again. */
  #stored(from: NodeNumber): Dialogue | null {
    const row = this.#fromBefore.get(from);
    if (row === undefined || row.ends_at < this.deps.clock.now()) return null;
    const handle = this.deps.handleOf(row.plugin, row.handler);
    if (handle === null) return null;
    // Our own database, written by #store.
    const state: Pick<Dialogue, "message" | "args" | "what" | "extra" | "answers" | "place"> = JSON.parse(row.state);
    return { question: "", ...state, plugin: row.plugin, handle, number: null };
  }
}

function unsentKey(node: NodeNumber, plugin: string): string {
  return `${node} ${plugin}`;
}

/** Whether a text only ends the dialogue. */
export function isExit(text: string): boolean {
  return EXITS.has(normalizeWord(text.trim().replace(/[\p{P}\s]+$/u, "")));
}
