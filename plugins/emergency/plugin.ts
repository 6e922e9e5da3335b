import { type CommandContext, type IncomingMessage, type MessageContext, Plugin } from "zephyrgate";
import { Alerts } from "./alerts.ts";
import { Answers } from "./answers.ts";
import { IncidentBook } from "./book.ts";
import { Calls } from "./calls.ts";
import type { Config } from "./config.types.ts";
import { History } from "./history.ts";
import type { Kind } from "./incident.ts";
import { Others } from "./region/others.ts";
import { RegionCases } from "./region/region.ts";
import { Watch } from "./watch.ts";
import { wordsOf } from "./words.ts";

/** Each word with the kind of its incident. */
const WORDS = { sos: "sos", mayday: "sos", sosp: "sosp", sosf: "sosf", sosm: "sosm" } as const satisfies Readonly<Record<string, Kind>>;
const EMERGENCY_WORDS = ["sos", "sosp", "sosf", "sosm", "mayday"] as const;
const ANSWERING = ["ack", "responding", "status", "clear", "cancel", "active", "incidents", "history", "responders"] as const;
type Answering = (typeof ANSWERING)[number];
const ALIASES: Readonly<Partial<Record<Answering, string[]>>> = {
  responding: ["coming"],
  status: ["incident"],
  clear: ["safe"],
  active: ["alertstatus"],
};

export default class Emergency extends Plugin<Config> {
  readonly #book = new IncidentBook(this);
  readonly #alerts = new Alerts(this, this.#book);
  readonly #watch = new Watch(this, this.#book, this.#alerts);
  readonly #region: RegionCases = new RegionCases({
    plugin: this,
    book: this.#book,
    merge: (key, said) => this.#others.merge(key, said),
  });
  readonly #others = new Others(this, this.#book, this.#alerts, this.#watch, this.#region);
  readonly #calls = new Calls(this, this.#book, this.#alerts, this.#watch, this.#region);
  readonly #history = new History(this, this.#book);
  readonly #answers = new Answers(this, this.#book, this.#alerts, this.#region);

  override async initialize() {
    await this.#book.open();
    this.#alerts.carers = this.#region;
    this.#watch.region = this.#region;
    this.#region.listen();
    const t = wordsOf(this);
    for (const word of EMERGENCY_WORDS) {
      this.registerCommand(word, (args, context) => this.#calls.called(WORDS[word], args, context), {
        help: t(`help_${word}`),
        usage: `${word} [...]`,
      });
    }
    this.#registerAnswers();
    this.registerMessageHandler((message: IncomingMessage, context: MessageContext) => this.#calls.heard(message, context), {
      kinds: ["text", "position"],
    });
    this.onEvent("message_status", (event) => this.#alerts.follow(event));
  }

  /** Incidents of the last run go on. */
  override async start() {
    await this.#region.start();
    if ((await this.#book.allOpen()).length > 0) this.#watch.begin();
  }

  #registerAnswers() {
    const answers = this.#answers;
    const t = wordsOf(this);
    const handlers: Readonly<Record<Answering, (args: string[], context: CommandContext) => Promise<string>>> = {
      ack: (args, context) => answers.answered("ack", args, context),
      responding: (args, context) => answers.answered("coming", args, context),
      status: (args, context) => answers.status(args, context),
      clear: (args, context) => answers.ended("cleared", args, context),
      cancel: (args, context) => answers.ended("cancelled", args, context),
      active: () => answers.active(),
      incidents: (args, context) => answers.past(args, context),
      history: (args, context) => this.#history.history(args, context),
      responders: (args, context) => this.#history.responders(args, context),
    };
    for (const name of ANSWERING)
      this.registerCommand(name, handlers[name], { help: t(`help_${name}`), usage: `${name} [nr]`, aliases: ALIASES[name] ?? [] });
  }
}
