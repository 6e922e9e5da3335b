import type { TextMessage } from "../mesh/message.ts";
import type { ClaimOutcome } from "../region/answers/claims.ts";
import type { Answers } from "./answers.ts";
import type { PeerTurns } from "./peer-turns.ts";
import { readRate } from "./rate.ts";
import type { RouterDeps } from "./router-deps.ts";
import { SenderGate } from "./sender-gate.ts";

/** Whether a text may be answered: by this gateway rather than by another, and as far as its sender's rate allows. */
export class Admission {
  /** Texts that were not answered for their sender's rate. */
  limited = 0;
  readonly #gate: SenderGate;
  #rate: string;

  /** Throws `config_invalid` when `sender_rate` is no rate. */
  constructor(
    private readonly deps: Pick<RouterDeps, "clock" | "settings" | "claims">,
    private readonly turns: PeerTurns,
    private readonly answers: Pick<Answers, "notifyLimited" | "leave">,
  ) {
    this.#rate = deps.settings.sender_rate;
    this.#gate = new SenderGate(deps.clock, readRate(deps.settings.sender_rate));
  }

  /** Whether this gateway is to answer: now, when no other gateway did in its turn, or not. */
  mayAnswer(message: TextMessage): boolean | Promise<boolean> {
    const claimed = this.#claim(message);
    if (claimed === null) return this.#inTurn(message, false);
    return claimed.then((outcome) => {
      if (outcome.kind !== "theirs") return this.#inTurn(message, outcome.kind === "ours");
      this.answers.leave(message, `site ${outcome.site}`);
      return false;
    });
  }

  /** Asks the other sites of the region. Null: there are none, or the text is for this gateway alone. */
  #claim(message: TextMessage): Promise<ClaimOutcome> | null {
    if (message.isDirect || message.packetId === 0 || this.turns.isAnswered(message)) return null;
    return this.deps.claims?.claim(message) ?? null;
  }

  #inTurn(message: TextMessage, isOurs: boolean): boolean | Promise<boolean> {
    const turn = this.turns.wait(message, isOurs);
    return turn === null ? this.#isLeftToUs(message) : turn.then(() => this.#isLeftToUs(message));
  }

  #isLeftToUs(message: TextMessage): boolean | Promise<boolean> {
    if (!this.turns.isAnswered(message)) return this.admit(message);
    this.answers.leave(message);
    return false;
  }

  /** Whether the sender's rate allows an answer: now, later, or not. A refused sender is told seldom. */
  admit(message: TextMessage): boolean | Promise<boolean> {
    const { sender_rate: rate } = this.deps.settings;
    if (rate !== this.#rate) this.#gate.setRate(readRate(rate));
    this.#rate = rate;
    const admitted = this.#gate.admit(message.from);
    if (admitted !== false) return admitted;
    this.limited++;
    this.answers.notifyLimited(message);
    return false;
  }

  /** A text was heard: it may be another gateway's answer. */
  overhear(message: TextMessage): void {
    this.turns.overhear(message);
  }

  /** Nothing waits any longer. Idempotent. */
  stop(): void {
    this.#gate.stop();
    this.turns.stop();
  }
}
