import { type CommandContext, type IncomingMessage, type MessageContext, Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { Hangman } from "./games/hangman.ts";
import { Quiz } from "./games/quiz.ts";
import { TicTacToe } from "./games/tictactoe.ts";
import { Keywords } from "./keywords.ts";
import { People } from "./people.ts";
import { Polls } from "./polls.ts";
import { Scores } from "./scores.ts";
import { Welcome } from "./welcome.ts";
import { wordsOf } from "./words.ts";

const MIGRATIONS = [
  [
    "CREATE TABLE met (node TEXT PRIMARY KEY, at INTEGER NOT NULL, greeted INTEGER NOT NULL)",
    "CREATE TABLE scores (node TEXT PRIMARY KEY, name TEXT NOT NULL, points INTEGER NOT NULL)",
    "CREATE INDEX scores_by_points ON scores (points)",
    "CREATE TABLE polls (id INTEGER PRIMARY KEY AUTOINCREMENT, question TEXT NOT NULL, options TEXT NOT NULL, ended INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE votes (poll INTEGER NOT NULL, node TEXT NOT NULL, choice INTEGER NOT NULL, PRIMARY KEY (poll, node))",
  ],
] as const;

const USAGE = {
  info: "info",
  nodes: "nodes",
  lheard: "lheard [from]",
  whoami: "whoami",
  whois: "whois NAME",
  whereis: "whereis NAME",
  howfar: "howfar NAME [NAME]",
  motd: "motd",
  poll: "poll [new Question? | yes | no]",
  vote: "vote NUMBER",
  quiz: "quiz [scores]",
  games: "games",
  hangman: "hangman",
  tictactoe: "tictactoe",
} as const;
type Name = keyof typeof USAGE;
const ALIASES: Readonly<Partial<Record<Name, string[]>>> = { lheard: ["sitrep"], tictactoe: ["ttt"] };
/** The words of the menu, each with the command that it stands for. */
const MENU = ["lheard", "motd", "games"] as const;

type Handler = (args: string[], context: CommandContext) => string | Promise<string>;

export default class Bot extends Plugin<Config> {
  readonly #people = new People(this);
  readonly #keywords = new Keywords(this);
  readonly #welcome = new Welcome(this);
  readonly #polls = new Polls(this);
  readonly #scores = new Scores(this);
  readonly #quiz = new Quiz(this, this.#scores);
  readonly #hangman = new Hangman(this, this.#scores);
  readonly #ticTacToe = new TicTacToe(this, this.#scores);

  override async initialize() {
    await this.db.migrate(MIGRATIONS);
    const t = wordsOf(this);
    for (const [name, handler] of Object.entries(this.#commands())) {
      this.registerCommand(name, handler, {
        help: t(`help_${name as Name}`),
        usage: USAGE[name as Name],
        aliases: ALIASES[name as Name] ?? [],
      });
    }
    for (const command of MENU) {
      const { lheard, motd, games } = { lheard: () => this.#people.lastHeard([]), motd: () => this.#motd(), games: () => t("games") };
      this.registerMenuItem("utilities", t(`menu_${command}`), { lheard, motd, games }[command], {
        command,
        description: t(`help_${command}`),
      });
    }
    this.registerMessageHandler((message: IncomingMessage, context: MessageContext) => this.#keywords.answerTo(message, context));
    this.registerMessageHandler((_message: IncomingMessage, context: MessageContext) => this.#welcome.met(context), {
      kinds: ["node_info"],
    });
  }

  override start() {
    return this.#welcome.begin();
  }

  override onConfigChanged() {
    return this.#welcome.begin();
  }

  #commands(): Readonly<Record<Name, Handler>> {
    const t = wordsOf(this);
    return {
      info: () => this.#people.info(),
      nodes: () => this.#people.count(),
      lheard: (args) => this.#people.lastHeard(args),
      whoami: (_args, context) => this.#people.whoAmI(context),
      whois: (args, context) => this.#people.whoIs(args, context),
      whereis: (args, context) => this.#people.whereIs(args, context),
      howfar: (args, context) => this.#people.howFar(args, context),
      motd: () => this.#motd(),
      poll: (args, context) => this.#polls.poll(args, context),
      vote: (args, context) => this.#polls.vote(args, context),
      quiz: (args, context) => this.#quiz.play(args, context),
      games: () => t("games"),
      hangman: (_args, context) => this.#hangman.play(context),
      tictactoe: (_args, context) => this.#ticTacToe.play(context),
    };
  }

  #motd(): string {
    return this.getConfig("motd") || wordsOf(this)("motd_none");
  }
}
