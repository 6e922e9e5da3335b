import type { Clock, Timer } from "../../clock.ts";
import type { RecordId, SiteId } from "../ports.ts";
import { type Branch, type DigestTree, KEY_CHARS } from "./digest-tree.ts";
import { ASKED_MAX, type MessageOf, WANTED_MAX } from "./messages.ts";

/** Between two questions, so that a site that was away for long leaves room for others. */
export const PACE_MS = 100;
const ANSWER_MS = 15_000;
const TRIES_MAX = 3;
/** Questions of one pull; what is left waits for the next one. */
const QUESTIONS_MAX = 5_000;
const PREFIXES_MAX = 4_096;

export interface PullDeps {
  readonly clock: Clock;
  readonly tree: DigestTree;
  /** Whether this record is worth asking for: it is not kept, and nothing says that it must not be. */
  lacks(id: RecordId): boolean;
  /** A number that no earlier question had. */
  number(): number;
  /** Takes what came; gives the ids that came, whether they were kept or not, and how many were kept. */
  take(from: SiteId, batch: MessageOf<"batch">): { readonly ids: ReadonlySet<RecordId>; readonly kept: number };
  /** False: it could not be sent now. */
  send(message: MessageOf<"ask"> | MessageOf<"want">, to: SiteId): boolean;
  /** The pull is over: `kept` records are new here. `isWhole`: all that differed was asked for. */
  done(outcome: { readonly kept: number; readonly isWhole: boolean }): void;
}

type Question = MessageOf<"ask"> | MessageOf<"want">;

/**
 * Fetches from one site what it keeps and this site lacks: it walks down the other's tree where digests differ, and asks for the
 * records one batch at a time. What was kept stays; a pull that was cut off costs only the walk when it is begun again.
 */
export class Pull {
  /** Below which both sites keep something else. */
  readonly #prefixes: string[] = [""];
  /** Ids to ask for. */
  readonly #wanted = new Set<RecordId>();
  /** What this pull gave up on: the other names it and does not send it. */
  readonly #withheld = new Set<RecordId>();
  #question: Question | null = null;
  #timer: Timer | null = null;
  #tries = 0;
  #questions = 0;
  #kept = 0;
  #isOver = false;

  constructor(
    readonly from: SiteId,
    private readonly deps: PullDeps,
  ) {}

  start(): void {
    this.#next();
  }

  answer({ question, nodes }: MessageOf<"answer">): void {
    if (this.#isOver || this.#question?.kind !== "ask" || question !== this.#question.question) return;
    const asked = new Map(this.#question.branches.map(([prefix]) => [prefix, true]));
    for (const { prefix, ids, branches } of nodes) {
      if (!asked.delete(prefix)) continue;
      for (const id of ids) if (this.deps.lacks(id) && !this.#withheld.has(id)) this.#wanted.add(id);
      for (const branch of branches) this.#compare(prefix, branch);
    }
    // An answer that leaves everything out would have us ask the same for ever.
    if (asked.size < this.#question.branches.length) for (const prefix of asked.keys()) this.#prefixes.push(prefix);
    this.#answered();
  }

  batch(batch: MessageOf<"batch">): void {
    if (this.#isOver || this.#question?.kind !== "want" || batch.question !== this.#question.question) return;
    const { ids, kept } = this.deps.take(this.from, batch);
    this.#kept += kept;
    const isEmpty = !this.#question.ids.some((id) => ids.has(id) || batch.gone.includes(id));
    for (const id of this.#question.ids) {
      if (!isEmpty && !ids.has(id) && !batch.gone.includes(id)) continue;
      this.#wanted.delete(id);
      this.#withheld.add(id);
    }
    this.#answered();
  }

  /** Ends it without an outcome. Idempotent. */
  stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #compare(asked: string, [prefix, digest]: Branch): void {
    // Only downwards: a site that sent us up again would keep us busy for ever.
    if (!prefix.startsWith(asked) || prefix.length <= asked.length || prefix.length > KEY_CHARS) return;
    if (this.#prefixes.length < PREFIXES_MAX && this.deps.tree.digest(prefix) !== digest) this.#prefixes.push(prefix);
  }

  #answered(): void {
    this.#question = null;
    this.#tries = 0;
    this.#timer?.cancel();
    this.#timer = this.deps.clock.after(PACE_MS, () => this.#next());
  }

  #next(): void {
    if (this.#isOver) return;
    const isWanting = this.#wanted.size >= WANTED_MAX || this.#prefixes.length === 0;
    if (isWanting) this.#dropKnown();
    if (this.#questions++ >= QUESTIONS_MAX) this.#end(false);
    else if (isWanting && this.#wanted.size > 0) {
      this.#ask({ kind: "want", question: this.deps.number(), ids: [...this.#wanted].slice(0, WANTED_MAX) });
    } else if (this.#prefixes.length > 0) {
      // The deepest first: so the list of what is to be compared stays short.
      const prefixes = this.#prefixes.splice(-ASKED_MAX);
      this.#ask({ kind: "ask", question: this.deps.number(), branches: prefixes.map((prefix) => [prefix, this.deps.tree.digest(prefix)]) });
    } else this.#end(true);
  }

  /** Some came by themselves meanwhile. */
  #dropKnown(): void {
    for (const id of this.#wanted) if (!this.deps.lacks(id)) this.#wanted.delete(id);
  }

  #ask(question: Question): void {
    this.#question = question;
    this.#tries++;
    const isSent = this.deps.send(question, this.from);
    const again = (): void => (this.#tries >= TRIES_MAX ? this.#end(false) : this.#ask(question));
    if (isSent || this.#tries < TRIES_MAX) this.#timer = this.deps.clock.after(ANSWER_MS, again);
    else this.#end(false);
  }

  #end(isWhole: boolean): void {
    this.stop();
    this.deps.done({ kept: this.#kept, isWhole });
  }
}
