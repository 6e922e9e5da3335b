import type { Handle } from "../ids.ts";
import type { Json } from "../json.ts";
import { formatNodeId } from "../mesh/ids.ts";
import type { MeshMessage, TextMessage } from "../mesh/message.ts";
import type { WireQuestion } from "../sdk/boundary/wire.ts";
import { replyText } from "./answers.ts";
import { askerOf } from "./asker.ts";
import { contextFor, messageForHandler } from "./context.ts";
import type { Asked, Dialogue } from "./dialogues.ts";
import { Mailboxes } from "./mailbox.ts";
import type { MessageEntry } from "./match/registry.ts";
import type { HandlerCall, HandlerOutcome } from "./ports.ts";
import type { RouterDeps } from "./router-deps.ts";

/** How long after a handler's timeout the port may still answer. */
const GRACE_MS = 2_000;
/** In place of a question: the handler is called from its start. */
const AGAIN = -1;

type JsonObject = { readonly [key: string]: Json };

interface HandlerAddress {
  readonly plugin: string;
  readonly handle: Handle;
}

interface CallWords {
  /** They come before the context. */
  readonly args: readonly Json[];
  /** Names the call in logs. */
  readonly what: JsonObject;
  /** Added to the context. */
  readonly extra?: JsonObject;
  /** The question that `args` answer. */
  readonly dialogue?: number;
}

export interface CallsDeps extends Pick<RouterDeps, "clock" | "log" | "handlers" | "nodes" | "sessions"> {
  /** Whether the sender of a message may use admin commands. */
  isOperator(message: MeshMessage): boolean;
  /** A handler waits for its sender's next text, once its question is sent. */
  asked(dialogue: Asked, question: WireQuestion): void;
}

/** Calls handlers: in mailbox order, with a deadline, a context and session data. */
export class Calls {
  readonly mailboxes: Mailboxes;
  failures = 0;

  constructor(private readonly deps: CallsDeps) {
    this.mailboxes = new Mailboxes(deps.clock);
  }

  /** Calls one handler about a message. Never rejects. */
  async call(message: MeshMessage, to: HandlerAddress, words: CallWords): Promise<HandlerOutcome> {
    const isStranger = askerOf(message.from, this.deps.nodes.get(message.from)) === "strangers";
    const posted = await this.mailboxes.post(to.plugin, message.from, () => this.#invoke(message, to, words), isStranger);
    const outcome: HandlerOutcome = posted.run ? posted.value : { ok: false, cause: "overloaded" };
    if (!outcome.ok) this.failures++;
    else if (outcome.ask !== undefined && message.kind === "text" && words.dialogue === undefined)
      return this.#asked({ ...to, ...words, message, number: null, answers: [] }, outcome.ask);
    if (!posted.run)
      this.deps.log.warn("too many calls wait for a plugin; one was not made", {
        plugin: to.plugin,
        correlation_id: message.correlationId,
      });
    return outcome;
  }

  /** Calls all these message handlers; their replies are in the handlers' order. `how`: `answered`, something else has replied; `alerted`, the operators have it. */
  async notify(
    message: MeshMessage,
    entries: readonly MessageEntry[],
    how: { readonly answered: boolean; readonly alerted: boolean },
  ): Promise<{ readonly plugin: string; readonly text: string }[]> {
    if (entries.length === 0) return [];
    const wire = { ...messageForHandler(message), ...how };
    const outcomes = await Promise.all(
      entries.map((entry) => this.call(message, entry, { args: [wire], what: { message: message.kind }, extra: { message: wire } })),
    );
    return entries.flatMap(({ plugin }, i) => {
      const outcome = outcomes[i];
      const text = outcome?.ok === true ? replyText(outcome.value) : null;
      return text === null ? [] : [{ plugin, text }];
    });
  }

  /**
   * Gives a waiting handler its answer (null: none came), `message` being the one that carried it. A handler whose realm is
   * gone is called again with all answers so far. Never rejects.
   */
  async resume(dialogue: Dialogue, message: TextMessage, answer: string | null): Promise<HandlerOutcome> {
    const { number, what, extra } = dialogue;
    const waits = number === null ? null : await this.call(message, dialogue, { args: [answer], what, dialogue: number });
    const answers = [...dialogue.answers, answer];
    if (waits?.ok === false) return waits;
    if (waits !== null && waits.lost !== true) return waits.ask === undefined ? waits : this.#asked({ ...dialogue, answers }, waits.ask);
    const again = await this.call(dialogue.message, dialogue, { args: dialogue.args, what, extra: { ...extra, answers }, dialogue: AGAIN });
    return again.ok && again.ask !== undefined ? this.#asked({ ...dialogue, answers }, again.ask) : again;
  }

  /** The question is the reply. */
  #asked(dialogue: Asked, question: WireQuestion): HandlerOutcome {
    this.deps.asked(dialogue, question);
    return { ok: true, value: question.question };
  }

  async #invoke(message: MeshMessage, { plugin, handle }: HandlerAddress, words: CallWords): Promise<HandlerOutcome> {
    const { handlers, nodes, sessions, clock, log } = this.deps;
    const { args, what, extra, dialogue } = words;
    const sender = { node: nodes.get(message.from), isOperator: this.deps.isOperator(message) };
    const context = { ...contextFor(message, sender, sessions.get(message.from, plugin)), ...extra };
    const timeoutMs = handlers.timeoutOf(plugin);
    const named = { ...what, sender: formatNodeId(message.from) };
    const answers = dialogue === undefined || dialogue === AGAIN ? {} : { dialogue };
    const call: HandlerCall = { plugin, handle, args, context, timeoutMs, link: message.link, what: named, ...answers };
    const { promise: late, resolve } = Promise.withResolvers<HandlerOutcome>();
    const deadline = clock.after(timeoutMs + GRACE_MS, () => resolve({ ok: false, cause: "timeout" }));
    const outcome = await Promise.race([handlers.invoke(call), late]).catch((thrown: unknown): HandlerOutcome => {
      log.error("calling a handler threw in the gateway", { plugin, error: thrown, correlation_id: message.correlationId });
      return { ok: false, cause: "internal" };
    });
    deadline.cancel();
    if (!outcome.ok || outcome.session === undefined) return outcome;
    const kept = sessions.set(message.from, plugin, outcome.session);
    if (!kept.ok) log.warn("session data was not kept", { plugin, error: kept.error, correlation_id: message.correlationId });
    return outcome;
  }
}
