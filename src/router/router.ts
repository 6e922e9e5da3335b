import { namesChannel } from "../channels.ts";
import { inBackground } from "../log/background.ts";
import type { EmergencyMark } from "../mesh/emergency/emergencies.ts";
import { BROADCAST, formatNodeId, parseNodeId } from "../mesh/ids.ts";
import { isStale } from "../mesh/intake/age.ts";
import type { Admitted } from "../mesh/intake/intake.ts";
import type { MeshMessage, TextMessage } from "../mesh/message.ts";
import { asWritten, normalizeWord, withoutEnd } from "../mesh/words.ts";
import { cutToBytes } from "../texts/fit.ts";
import { Admission } from "./admission.ts";
import { Answers, replyText } from "./answers.ts";
import { Calls } from "./calls.ts";
import { type Dialogue, Dialogues, isExit } from "./dialogues.ts";
import { PATIENCE_MS } from "./handler-chain.ts";
import { helpText } from "./help.ts";
import type { Mailboxes } from "./mailbox.ts";
import { parseCommand } from "./match/parse.ts";
import type { Registry } from "./match/registry.ts";
import { Overload } from "./overload.ts";
import { PeerTurns } from "./peer-turns.ts";
import { type Progress, Questions, UNHANDLED } from "./questions.ts";
import type { RouterDeps, RouterStats } from "./router-deps.ts";
import { StaleTexts } from "./stale-texts.ts";

const ACTIVE_MAX = 1_000;
/** Of a question that is told again, in one packet with what can be done. */
const QUESTION_BYTES = 100;
/** They open the menus, and are in no plugin's hands. */
const MENU_WORDS: ReadonlySet<string> = new Set(["menu", "bbs"]);
const STOP_MS = 2_000;

/** What the intake found out about a text. */
interface Standing {
  /** It was passed on to the operators in an emergency, so it needs no command. */
  readonly isFollowUp: boolean;
  /** Another program wrote it: it can answer a question that a handler asked, and nothing else. */
  readonly isFromBot: boolean;
}

interface AnswerPlan {
  /** It is meant for the gateway, so it counts against its sender's rate. */
  readonly isMeant: boolean;
  /** It answers a question of a handler, which only this gateway asked. */
  readonly isDialogue: boolean;
  ask(): Promise<Progress>;
}

/**
 * Routes each message of the mesh to what answers it: emergency words, the sender's open menu, commands, keywords; and to
 * all message handlers. A slow handler delays only its own plugin's mailbox.
 */
export class Router {
  /** Where commands, keywords and message handlers are registered. */
  readonly registry: Registry;
  readonly #calls: Calls;
  readonly #answers: Answers;
  readonly #questions: Questions;
  readonly #dialogues: Dialogues;
  readonly #admission: Admission;
  readonly #active = new Set<Promise<void>>();
  readonly #counts = { commands: 0 };
  readonly #stale: StaleTexts;
  readonly #overload: Overload;
  #stopped = false;

  /** Throws `config_invalid` when a rate is none. */
  constructor(private readonly deps: RouterDeps) {
    this.registry = deps.registry;
    this.#stale = new StaleTexts(deps.clock, deps.log);
    this.#overload = new Overload(deps.clock, deps.log);
    this.#dialogues = new Dialogues({
      clock: deps.clock,
      log: deps.log,
      database: deps.database,
      keyOf: (plugin, handle) => deps.handlers.keyOf(plugin, handle),
      handleOf: (plugin, key) => deps.handlers.handleOf(plugin, key),
      placeOf: (plugin) => deps.handlers.placeOf(plugin),
      expired: (dialogue) => this.#endDialogue(dialogue, true),
    });
    this.#calls = new Calls({
      ...deps,
      isOperator: (message) => this.#isFromOperator(message),
      asked: (dialogue, question) => this.#dialogues.ask(dialogue, question),
    });
    const turns = new PeerTurns(deps);
    // Whoever asks for something else has heard an answer: what the replaced dialogue says at its end would be a second one.
    this.#answers = new Answers(deps, turns, (to, plugin, text) => {
      const ended = this.#dialogues.sent(to, plugin, text);
      this.#endDialogue(ended, ended?.message.from !== to);
    });
    this.#questions = new Questions(deps.clock, this.#calls, this.#answers);
    this.#admission = new Admission(deps, turns, this.#answers);
  }

  get mailboxes(): Mailboxes {
    return this.#calls.mailboxes;
  }

  /** Whether an operator wrote it. A number alone proves nothing: anybody can send under it, except to the gateway's own key. */
  #isFromOperator({ from, isDirect, pkiEncrypted }: MeshMessage): boolean {
    return this.deps.operators.includes(formatNodeId(from)) && (this.deps.settings.admin_commands === "any" || (isDirect && pkiEncrypted));
  }

  stats(): RouterStats {
    const { failures, mailboxes } = this.#calls;
    return {
      stale: this.#stale.count,
      overloads: this.#overload.count,
      ...this.#counts,
      ...this.#answers.counts,
      limited: this.#admission.limited,
      failures,
      overflows: mailboxes.overflows,
    };
  }

  /** Handles a message that the intake let in. Never throws; the work goes on after it returns. */
  handle({ message, emergency, isFromBot }: Admitted): void {
    if (this.#stopped) return;
    const processing = this.#process(message, emergency, isFromBot)
      .catch((thrown: unknown): Progress => {
        this.deps.log.error("a message could not be handled", { error: thrown, correlation_id: message.correlationId });
        return { outcome: "failed", plugin: null };
      })
      .then(({ outcome, plugin }) => {
        this.#active.delete(processing);
        this.deps.processed({ correlationId: message.correlationId, plugin, outcome });
      })
      .catch((thrown: unknown) => {
        this.deps.log.error("reporting a handled message failed", { error: thrown, correlation_id: message.correlationId });
      });
    this.#active.add(processing);
  }

  /** Resolves when no message is being handled. */
  async idle(): Promise<void> {
    while (this.#active.size > 0) await Promise.all(this.#active);
  }

  /** Accepts no more messages, and waits up to two seconds for those being handled. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#admission.stop();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const deadline = this.deps.clock.after(STOP_MS, resolve);
    await Promise.race([this.idle(), late]);
    deadline.cancel();
    this.#dialogues.stop();
    this.#stale.stop();
    this.#overload.stop();
  }

  async #process(message: MeshMessage, emergency: EmergencyMark, isFromBot: boolean): Promise<Progress> {
    if (message.kind === "text" && emergency.kind === "call") {
      const [progress] = await Promise.all([
        this.#emergency(message, emergency),
        this.#notifyHandlers(message, { alerted: emergency.isActedOn }),
      ]);
      return progress;
    }
    if (this.#active.size >= ACTIVE_MAX) {
      this.#overload.note(message.correlationId);
      return UNHANDLED;
    }
    if (message.kind === "text" && (message.isDirect || message.to === BROADCAST)) {
      return this.#answer(message, { isFollowUp: emergency.kind === "follow_up", isFromBot });
    }
    await this.#notifyHandlers(message);
    return UNHANDLED;
  }

  async #answer(message: TextMessage, standing: Standing): Promise<Progress> {
    this.#admission.overhear(message);
    const starting = this.#starting(message);
    if (starting !== null) await starting;
    const plan = this.#plan(message, standing);
    // The handlers that answer are called before message handlers, so that they come first in their mailboxes.
    const asked = plan === null ? null : this.#askAdmitted(message, plan);
    const answered = asked === null ? false : await this.#isAnswered(asked);
    const listeners = this.#notifyHandlers(message, { answered, alerted: standing.isFollowUp });
    const progress = await asked;
    if (plan === null || progress === null || progress.outcome === "replied") {
      await listeners;
      return progress ?? UNHANDLED;
    }
    if (progress.failed !== undefined) {
      this.#answers.notifyFailed(message, progress.plugin, progress.failed);
      await listeners;
      return progress;
    }
    const [first] = await listeners;
    if (first !== undefined && (plan.isMeant || (await this.#admission.mayAnswer(message)))) {
      this.#answers.respond(message, first.plugin, first.text);
      return { outcome: "replied", plugin: first.plugin };
    }
    if (progress.outcome === "unhandled" && message.isDirect && !standing.isFollowUp) this.#answers.notifyUnknown(message);
    return progress;
  }

  /** Whether something has replied, as far as is known within a person's patience. */
  async #isAnswered(asked: Promise<Progress | null>): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const patience = this.deps.clock.after(PATIENCE_MS, () => resolve(null));
    try {
      return (await Promise.race([asked, late]))?.outcome === "replied";
    } finally {
      patience.cancel();
    }
  }

  /** Asks at once where the sender's rate allows it, else when it does; null: it is not answered. */
  async #askAdmitted(message: TextMessage, plan: AnswerPlan): Promise<Progress | null> {
    if (!plan.isMeant) return plan.ask();
    const allowed = plan.isDialogue ? this.#admission.admit(message) : this.#admission.mayAnswer(message);
    if (allowed !== true && !(await allowed)) return null;
    return plan.ask();
  }

  /** A command of a plugin that is still starting waits for it. Null: no such plugin. */
  #starting(message: TextMessage): Promise<void> | null {
    const { prefix, direct_prefix } = this.deps.settings;
    const command = parseCommand(message.text, message.isDirect ? [prefix, direct_prefix] : [prefix]);
    return command === null || this.registry.answers(command.name, true) ? null : this.deps.handlers.starting(withoutEnd(command.name));
  }

  /** The handler goes on without an answer; `replies`: what it then says is sent. */
  #endDialogue(dialogue: Dialogue | null, replies: boolean): void {
    if (dialogue === null) return;
    const { message, plugin } = dialogue;
    const ended = this.#calls.resume(dialogue, message, null).then((outcome) => {
      const text = outcome.ok && replies ? replyText(outcome.value) : null;
      if (text !== null) this.#answers.respond(message, plugin, text);
    });
    inBackground(this.deps.log, "ending a dialogue", ended, { plugin });
  }

  /** What a text means to the sender's open dialogue; null when it is no answer. */
  #answerTo(message: TextMessage): AnswerPlan | null {
    if (isStale(message, this.deps.clock.now())) return null;
    const waiting = this.#dialogues.waiting(message);
    if (waiting === null) return null;
    const meant = this.#meantIn(message);
    if (meant === "help") return { isMeant: true, isDialogue: true, ask: () => this.#tellQuestion(message, waiting) };
    const dialogue = this.#dialogues.take(message);
    if (dialogue === null) return null;
    if (meant === "command") {
      // The dialogue ends, and the command is handled as ever.
      this.#endDialogue(dialogue, false);
      return null;
    }
    const answer = meant === "exit" ? null : message.text.trim();
    return { isMeant: true, isDialogue: true, ask: () => this.#questions.resume(message, dialogue, answer) };
  }

  /**
   * What a text means while a question waits for its sender. Without the prefix only few words are no answers, so that anything can be
   * one. What has the prefix and is no command is most likely mistyped, and is not posted as somebody's words.
   */
  #meantIn(message: TextMessage): "answer" | "exit" | "help" | "command" {
    const { prefix } = this.deps.settings;
    const written = asWritten(message.text);
    // A node's id is an answer, although it begins with the usual prefix.
    const isPrefixed = prefix !== "" && written.startsWith(prefix) && parseNodeId(written) === null;
    const parsed = isPrefixed ? parseCommand(written, [prefix]) : null;
    if (isPrefixed) {
      const name = parsed?.name ?? "";
      const isKnown = this.#asksHelp(parsed) || MENU_WORDS.has(name) || this.registry.answers(name, this.#isFromOperator(message));
      if (isKnown) return "command";
      return isExit(name) ? "exit" : "help";
    }
    if (isExit(written)) return "exit";
    const word = withoutEnd(normalizeWord(written));
    if (word === "?" || this.#asksHelp({ name: word })) return "help";
    return word === "menu" && message.isDirect ? "command" : "answer";
  }

  /** The question waits on. */
  #tellQuestion(message: TextMessage, { question, plugin }: Dialogue): Promise<Progress> {
    const { prefix } = this.deps.settings;
    const shown = cutToBytes(question === "" ? plugin : question, QUESTION_BYTES);
    const text = this.deps.say("question_waits", { question: shown });
    this.#answers.respond(message, null, prefix === "" ? text : `${text} ${this.deps.say("question_commands", { prefix })}`);
    return Promise.resolve({ outcome: "replied", plugin: null });
  }

  /** How to answer a text; null when it must not be answered. */
  #plan(message: TextMessage, { isFollowUp, isFromBot }: Standing): AnswerPlan | null {
    const { prefix, direct_prefix, channels } = this.deps.settings;
    const { isDirect } = message;
    if (message.isReaction) return null;
    const resumed = this.#answerTo(message);
    if (resumed !== null) return resumed;
    if (isFromBot) {
      this.#answers.suppress(message, null, "from_program");
      return null;
    }
    if (!isDirect && channels !== "all" && !this.#isIn(message, channels)) return null;
    const isOperator = this.#isFromOperator(message);
    const parsed = parseCommand(message.text, isDirect ? [prefix, direct_prefix] : [prefix]);
    const command = parsed === null ? null : { ...parsed, name: this.registry.meant(parsed.name) };
    const commands = command === null ? [] : this.registry.commands(command.name).filter((entry) => isOperator || !entry.adminOnly);
    const keywords = this.registry.keywords(message.text).filter(({ entry }) => {
      return (isOperator || !entry.adminOnly) && this.deps.handlers.mayHear(entry.plugin, message);
    });
    const isMeant = isDirect || commands.length > 0 || keywords.length > 0 || this.#asksHelp(command);
    if (isStale(message, this.deps.clock.now())) {
      if (isMeant) {
        this.#stale.note();
        this.#answers.suppress(message, null, "stale");
      }
      return null;
    }
    if (!isMeant) return { isMeant, isDialogue: false, ask: () => Promise.resolve(UNHANDLED) };
    const ask = async () => {
      const chosen = isDirect && !isFollowUp ? this.#menu(message, isOperator) : null;
      if (chosen !== null) return chosen;
      if (commands.length > 0) this.#counts.commands++;
      const asksCommands = commands.map((entry) => ({ entry, words: command?.args ?? [], name: entry.name }));
      let progress = await this.#questions.inOrder(message, asksCommands, UNHANDLED);
      if (progress.outcome === "replied") return progress;
      if (command !== null && this.#asksHelp(command)) {
        this.#answers.respond(message, null, helpText(this.registry, command.args, { isOperator, say: this.deps.say }));
        return { outcome: "replied", plugin: null } as const;
      }
      const asksKeywords = keywords.map(({ entry, match }) => ({ entry, words: match, name: match.join(" ") }));
      progress = await this.#questions.inOrder(message, asksKeywords, progress);
      if (progress.outcome === "replied") return progress;
      const opened = isDirect && !isFollowUp && progress.outcome === "unhandled" ? this.#menu(message, isOperator, "openByItem") : null;
      return opened ?? progress;
    };
    return { isMeant, isDialogue: false, ask };
  }

  /** `help`, also by the word of the gateway's language. */
  #asksHelp(command: { readonly name: string } | null): boolean {
    return command !== null && ["help", this.deps.say("help_word")].includes(command.name);
  }

  /** Null: not for the menus. Decided synchronously, so that the next handler keeps its place in the mailboxes. */
  #menu(message: TextMessage, isAdmin: boolean, how: "handle" | "openByItem" = "handle"): Promise<Progress> | null {
    const answer = this.deps.menu?.[how]({ node: message.from, text: message.text, isDirect: true, isAdmin }) ?? { kind: "not_ours" };
    if (answer.kind === "not_ours") return null;
    if (answer.kind === "invoke") return this.#questions.menuItem(message, answer);
    this.#answers.respond(message, null, answer.text);
    return Promise.resolve({ outcome: "replied", plugin: null });
  }

  #emergency(message: TextMessage, { call, isActedOn }: Extract<EmergencyMark, { kind: "call" }>): Promise<Progress> {
    this.#endDialogue(this.#dialogues.end(message.from), false);
    return isActedOn ? this.#questions.emergency(message, call, this.registry.commands(call.word)) : Promise.resolve(UNHANDLED);
  }

  #notifyHandlers(
    message: MeshMessage,
    { answered = false, alerted = false }: { readonly answered?: boolean; readonly alerted?: boolean } = {},
  ): Promise<{ readonly plugin: string; readonly text: string }[]> {
    const entries = this.registry.messages(message.kind).filter((entry) => this.deps.handlers.mayHear(entry.plugin, message));
    return this.#calls.notify(message, entries, { answered, alerted });
  }

  #isIn(message: MeshMessage, channels: readonly (number | string)[]): boolean {
    if (channels.length === 0) return false;
    const name = this.deps.nodes.channelName(message.link, message.channel);
    return channels.some((word) => namesChannel(word, { link: message.link, index: message.channel, name }));
  }
}
