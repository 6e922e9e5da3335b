import { GatewayError } from "../errors.ts";
import type { Json } from "../json.ts";
import { Emergencies } from "../mesh/emergency/alerts.ts";
import type { EmergencyCall } from "../mesh/emergency/words.ts";
import { parseEmergency } from "../mesh/emergency/words.ts";
import { BROADCAST, type NodeNumber, parseNodeId } from "../mesh/ids.ts";
import { isStale } from "../mesh/intake/age.ts";
import { SeenPackets } from "../mesh/intake/seen-packets.ts";
import type { MeshMessage, TextMessage } from "../mesh/message.ts";
import { SenderBuckets } from "../mesh/sender-limits.ts";
import { parseRate } from "../rates.ts";
import { Answers, replyText } from "./answers.ts";
import { Calls } from "./calls.ts";
import { inTurn } from "./handler-chain.ts";
import { helpText } from "./help.ts";
import type { Mailboxes } from "./mailbox.ts";
import { parseCommand } from "./match/parse.ts";
import { type Entry, Registry } from "./match/registry.ts";
import type { MenuAnswer } from "./ports.ts";
import type { RouterDeps, RouterStats } from "./router-deps.ts";

const CONVERSATIONS_MAX = 1_000;
const STOP_MS = 2_000;

/** How far a message got: who was asked, and whether somebody answered. */
interface Progress {
  readonly outcome: "replied" | "silent" | "unhandled" | "failed";
  readonly plugin: string | null;
  /** What failed, as its user knows it. */
  readonly failed?: string;
}

/** Who is to be asked about a text. */
/** One handler of a chain, and what it is asked with. */
interface Asked {
  readonly entry: Entry;
  readonly words: Json;
  readonly name: string;
}

interface Plan {
  /** It was counted against its sender's rate. */
  readonly counted: boolean;
  ask(): Promise<Progress>;
}

const UNHANDLED: Progress = { outcome: "unhandled", plugin: null };

/**
 * Brings each message of the mesh to who answers it: emergency words, the sender's open menu, commands, keywords; and to
 * all message handlers. Who is slow delays his own mailbox alone.
 */
export class Router {
  /** Takes the registrations of commands, keywords and message handlers. */
  readonly registry: Registry;
  readonly #calls: Calls;
  readonly #answers: Answers;
  readonly #seen: SeenPackets;
  readonly #emergencies: Emergencies;
  readonly #operators: ReadonlySet<NodeNumber>;
  readonly #banned: ReadonlySet<NodeNumber>;
  readonly #rate: SenderBuckets;
  readonly #talks = new Set<Promise<void>>();
  readonly #counts = { received: 0, duplicates: 0, stale: 0, banned: 0, limited: 0, commands: 0, emergencies: 0 };
  #stopped = false;

  /** Throws `config_invalid` when `sender_rate` is not a rate. */
  constructor(private readonly deps: RouterDeps) {
    const { clock, log, settings, nodes, alert } = deps;
    const rate = parseRate(settings.sender_rate);
    if (!rate.ok)
      throw new GatewayError("config_invalid", rate.error.message, { ...(rate.error.hint === undefined ? {} : { hint: rate.error.hint }) });
    this.registry = new Registry(settings.prefix);
    this.#calls = new Calls(deps);
    this.#answers = new Answers(deps, rate.value);
    this.#seen = new SeenPackets(deps.database);
    this.#operators = nodeSet(deps.operators);
    this.#banned = nodeSet(settings.ban);
    this.#rate = new SenderBuckets(clock, rate.value);
    this.#emergencies = new Emergencies({
      clock,
      log,
      alert,
      operators: [...this.#operators],
      node: (number) => nodes.get(number),
      reply: (reply) => this.#answers.send(reply, null),
    });
  }

  get mailboxes(): Mailboxes {
    return this.#calls.mailboxes;
  }

  isOperator(node: NodeNumber): boolean {
    return this.#operators.has(node);
  }

  stats(): RouterStats {
    return { ...this.#counts, ...this.#answers.counts, failures: this.#calls.failures, overflows: this.mailboxes.overflows };
  }

  /** Takes a message from a radio. Never throws; what follows runs by itself. */
  handle(message: MeshMessage): void {
    if (this.#stopped || this.deps.nodes.isOwn(message.from)) return;
    if (!this.#seen.first(message.from, message.packetId, message.kind === "text")) {
      this.#counts.duplicates++;
      return;
    }
    this.#counts.received++;
    this.deps.received(message);
    const talk = this.#talk(message)
      .catch((thrown: unknown): Progress => {
        this.deps.log.error("a message could not be handled", { error: thrown, correlation_id: message.correlationId });
        return { outcome: "failed", plugin: null };
      })
      .then(({ outcome, plugin }) => {
        this.#talks.delete(talk);
        this.deps.processed({ correlationId: message.correlationId, plugin, outcome });
      });
    this.#talks.add(talk);
  }

  /** Resolves when no message is being handled. */
  async idle(): Promise<void> {
    while (this.#talks.size > 0) await Promise.all(this.#talks);
  }

  /** Takes no more messages and gives those under way two seconds. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const deadline = this.deps.clock.after(STOP_MS, resolve);
    await Promise.race([this.idle(), late]);
    deadline.cancel();
  }

  async #talk(message: MeshMessage): Promise<Progress> {
    const { prefix, direct_prefix, ignore_channels } = this.deps.settings;
    const emergency = message.kind !== "text" || message.isReaction ? null : parseEmergency(message.text, [prefix, direct_prefix]);
    if (this.#banned.has(message.from)) {
      this.#counts.banned++;
      if (message.kind === "text" && emergency !== null) this.#emergencies.note(message, emergency);
      return UNHANDLED;
    }
    if (message.kind === "text" && emergency !== null) {
      const [progress] = await Promise.all([this.#emergency(message, emergency), this.#tell(message)]);
      return progress;
    }
    if (!message.isDirect && this.#isIn(message, ignore_channels)) return UNHANDLED;
    if (this.#talks.size >= CONVERSATIONS_MAX) {
      this.deps.log.warn("too many messages at once; one was not handled", { correlation_id: message.correlationId });
      return UNHANDLED;
    }
    if (message.kind === "text" && (message.isDirect || message.to === BROADCAST)) return this.#answer(message);
    await this.#tell(message);
    return UNHANDLED;
  }

  async #answer(message: TextMessage): Promise<Progress> {
    const plan = this.#plan(message);
    // First those who are asked, so that they come first in their mailboxes too; then all who listen.
    const asked = plan?.ask();
    const told = this.#tell(message);
    const progress = await asked;
    if (plan === null || progress === undefined || progress.outcome === "replied") {
      await told;
      return progress ?? UNHANDLED;
    }
    if (progress.failed !== undefined) {
      this.#answers.sayFailed(message, progress.plugin, progress.failed);
      await told;
      return progress;
    }
    const [first] = await told;
    if (first !== undefined && (plan.counted || this.#takeRate(message))) {
      this.#answers.respond(message, first.plugin, first.text);
      return { outcome: "replied", plugin: first.plugin };
    }
    if (progress.outcome === "unhandled" && message.isDirect) this.#answers.sayUnknown(message);
    return progress;
  }

  /** Who is to be asked; null when nobody may answer this. */
  #plan(message: TextMessage): Plan | null {
    const { prefix, direct_prefix, direct_only, channels } = this.deps.settings;
    const { isDirect } = message;
    if (message.isReaction) return null;
    if (!isDirect && (direct_only || (channels !== "all" && !this.#isIn(message, channels)))) return null;
    const isOperator = this.isOperator(message.from);
    const command = parseCommand(message.text, isDirect ? [prefix, direct_prefix] : [prefix]);
    const commands = command === null ? [] : this.registry.commands(command.name).filter((entry) => isOperator || !entry.adminOnly);
    const keywords = this.registry.keywords(message.text).filter(({ entry }) => {
      return (isOperator || !entry.adminOnly) && this.deps.handlers.mayHear(entry.plugin, message);
    });
    const isMeant = isDirect || commands.length > 0 || keywords.length > 0 || command?.name === "help";
    if (isStale(message, this.deps.clock.now())) {
      if (isMeant) this.#counts.stale++;
      return null;
    }
    if (!isMeant) return { counted: false, ask: () => Promise.resolve(UNHANDLED) };
    if (!this.#takeRate(message)) return null;
    const ask = async () => {
      const chosen = isDirect ? this.#menu(message, isOperator) : null;
      if (chosen !== null) return chosen;
      if (commands.length > 0) this.#counts.commands++;
      const asksCommands = commands.map((entry) => ({ entry, words: command?.args ?? [], name: entry.name }));
      let progress = await this.#ask(message, asksCommands, UNHANDLED);
      if (progress.outcome === "replied") return progress;
      if (command?.name === "help") {
        this.#answers.respond(message, null, helpText(this.registry, command.args, isOperator));
        return { outcome: "replied", plugin: null } as const;
      }
      const asksKeywords = keywords.map(({ entry, match }) => ({ entry, words: match, name: match.join(" ") }));
      progress = await this.#ask(message, asksKeywords, progress);
      if (progress.outcome === "replied") return progress;
      const opened = isDirect && progress.outcome === "unhandled" ? this.#menu(message, isOperator, "openByItem") : null;
      return opened ?? progress;
    };
    return { counted: true, ask };
  }

  /** Null: not for the menus. Found out at once, so that what comes next keeps its place in the mailboxes. */
  #menu(message: TextMessage, isAdmin: boolean, how: "handle" | "openByItem" = "handle"): Promise<Progress> | null {
    const answer = this.deps.menu?.[how]({ node: message.from, text: message.text, isDirect: true, isAdmin }) ?? { kind: "not_ours" };
    if (answer.kind === "not_ours") return null;
    if (answer.kind === "invoke") return this.#choose(message, answer);
    this.#answers.respond(message, null, answer.text);
    return Promise.resolve({ outcome: "replied", plugin: null });
  }

  async #choose(message: TextMessage, chosen: Extract<MenuAnswer, { kind: "invoke" }>): Promise<Progress> {
    const { plugin, label, fallback, args, menu, command } = chosen;
    const outcome = await this.#calls.call(message, chosen, { args: [], what: { menu: label }, extra: { args, menu, label, command } });
    if (!outcome.ok) return { outcome: "failed", plugin, failed: label };
    const text = replyText(outcome.value) ?? fallback;
    if (text === null) return { outcome: "silent", plugin };
    this.#answers.respond(message, plugin, text);
    return { outcome: "replied", plugin };
  }

  /** Asks handlers in turn; the first failure is kept for the end, and the next one runs. */
  async #ask(message: TextMessage, asked: readonly Asked[], before: Progress): Promise<Progress> {
    if (asked.length === 0) return before;
    const turns = await inTurn(
      this.deps.clock,
      asked.map(({ entry, words, name }) => async () => {
        const outcome = await this.#calls.call(message, entry, { args: [words], what: { [entry.kind]: name } });
        return { plugin: entry.plugin, name, failed: !outcome.ok, text: outcome.ok ? replyText(outcome.value) : null };
      }),
    );
    let progress = before;
    for (const { plugin, name, failed, text } of turns) {
      if (text !== null) {
        this.#answers.respond(message, plugin, text);
        return { outcome: "replied", plugin };
      }
      if (failed) progress = { outcome: "failed", plugin, failed: progress.failed ?? name };
      else if (progress.failed === undefined) progress = { outcome: "silent", plugin };
    }
    return progress;
  }

  async #emergency(message: TextMessage, emergency: EmergencyCall): Promise<Progress> {
    this.#counts.emergencies++;
    if (!this.#emergencies.begin(message, emergency)) return UNHANDLED;
    const args = emergency.rest === "" ? [] : emergency.rest.split(/\s+/);
    for (const entry of this.registry.commands(emergency.word)) {
      const outcome = await this.#calls.call(message, entry, { args: [args], what: { command: entry.name } });
      const text = outcome.ok ? replyText(outcome.value) : null;
      if (text === null) continue;
      this.#answers.respond(message, entry.plugin, text, "emergency");
      return { outcome: "replied", plugin: entry.plugin };
    }
    this.#emergencies.answer(message, emergency);
    return { outcome: "replied", plugin: null };
  }

  #tell(message: MeshMessage): Promise<{ readonly plugin: string; readonly text: string }[]> {
    const entries = this.registry.messages(message.kind).filter((entry) => this.deps.handlers.mayHear(entry.plugin, message));
    return this.#calls.tell(message, entries);
  }

  #takeRate(message: TextMessage): boolean {
    if (this.#rate.take(message.from)) return true;
    this.#counts.limited++;
    this.#answers.sayLimited(message);
    return false;
  }

  #isIn(message: MeshMessage, channels: readonly (number | string)[]): boolean {
    if (channels.length === 0) return false;
    const name = this.deps.nodes.channelName(message.link, message.channel);
    return channels.includes(message.channel) || (name !== "" && channels.includes(name));
  }
}

function nodeSet(ids: readonly string[]): ReadonlySet<NodeNumber> {
  return new Set(ids.map(parseNodeId).filter((id) => id !== null));
}
