import { fitNames, type GatewayTexts } from "../../texts/texts.ts";
import type { NodeNumber } from "../ids.ts";
import type { Route } from "../routes.ts";
import type { Reach, UrgentText } from "./urgent-texts.ts";

/** Of a message that has two lists of names. */
const HALF_BYTES = 80;

/** A channel on which emergencies are announced. */
export interface AlertChannel {
  /** For the sender: its name, else `LINK/INDEX`. */
  readonly name: string;
  readonly route: Route;
}

/** Who is to be told about an emergency, and how far that got. */
export interface AlertTarget {
  /** As the sender is told: a node's name, or `channel Public`. */
  readonly name: string;
  readonly place:
    | { readonly kind: "operator"; readonly node: NodeNumber }
    | { readonly kind: "channel"; readonly channel: AlertChannel }
    /** The operators of another site of the region; it says itself when they were reached. */
    | { readonly kind: "site"; readonly site: string; readonly move: (reach: Reach) => void };
  readonly text: Pick<UrgentText, "reach" | "ids">;
}

/** What is known about the alerts of one emergency, as texts for its sender. */
export class AlertReport {
  #told: readonly string[] | null;

  /** `told`: after a restart, who was reached when the sender was last told. */
  constructor(
    readonly targets: readonly AlertTarget[],
    private readonly say: GatewayTexts,
    told: readonly string[] | null = null,
  ) {
    this.#told = told;
  }

  /** Targets that were reached when the sender was last told; null: it was not told yet. */
  get told(): readonly string[] | null {
    return this.#told;
  }

  /** Every alert has arrived or failed. */
  get isSettled(): boolean {
    return this.targets.every(({ text }) => text.reach !== "pending");
  }

  /** Said at once, when the alerts are only queued. */
  received(word: string): string {
    const underway = this.targets.filter(({ text }) => text.reach !== "failed");
    const operators = underway.filter(({ place }) => place.kind === "operator").length;
    const others = underway.filter(({ place }) => place.kind !== "operator").map(({ name }) => name);
    const who = [...(operators === 0 ? [] : [this.say("sos_operators", { count: operators })]), ...others];
    if (who.length === 0) return this.say("sos_received_nobody", { word });
    return fitNames(this.say, who, (names) => this.say("sos_received", { word, names }));
  }

  /** Said when the alerts arrived or failed, or time is up; null when there is nothing new. */
  reached(word: string): string | null {
    if (this.targets.length === 0) return null;
    const names = (...reaches: Reach[]) => this.targets.filter(({ text }) => reaches.includes(text.reach)).map(({ name }) => name);
    const reached = names("reached");
    const isNew = this.#told === null || reached.length > this.#told.length;
    if (!isNew) return null;
    this.#told = reached;
    const missed = names("pending", "failed");
    if (reached.length === 0) return this.say("sos_reached_nobody", { word });
    if (missed.length === 0) return fitNames(this.say, reached, (list) => this.say("sos_reached", { word, names: list }));
    const half = fitNames(this.say, reached, (list) => list, HALF_BYTES);
    return fitNames(this.say, missed, (list) => this.say("sos_reached_some", { word, names: half, missed: list }));
  }
}
