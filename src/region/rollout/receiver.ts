import { createHash } from "node:crypto";
import type { Clock, Timer } from "../../clock.ts";
import { asGatewayError, type Result } from "../../errors.ts";
import type { Subscription } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import type { SiteId, SiteMessage, SiteMessages } from "../ports.ts";
import { type MessageOf, PIECE_BYTES, ROLLOUT_TOPIC, readRolloutMessage, reasonText, type SiteStep } from "./wire.ts";

/** What a rollout may do at this site. */
export interface RolloutHost {
  /**
   * Checks a package by this site's own rules and installs it: signed by somebody whom this site trusts, not older, and asking for no
   * more than its operator has accepted. Errors are told to the site that rolls it out.
   */
  install(bytes: Uint8Array, expected: { readonly name: string; readonly version: string }): Promise<Result<null>>;
  /** The version before this one runs again; without one the plugin is removed, and its data kept. Nothing where this version is not active. */
  back(rolledOut: { readonly name: string; readonly version: string }): Promise<Result<null>>;
  /** Null: there is no such plugin. */
  stateOf(plugin: string): { readonly state: string; readonly version: string; readonly reason: string | null } | null;
}

export interface ReceiverDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly sites: SiteMessages;
  readonly host: RolloutHost;
  /** The sites that may roll out here, by the fingerprint of their keys: a name can be taken by anybody. */
  control(): readonly SiteId[];
}

/** A piece that does not come is asked for again. */
const PIECE_MS = 10_000;
const TRIES = 6;
const REMEMBERED = 8;
/** A site that may not is told so at most this often. */
const REFUSE_EVERY_MS = 60_000;

interface Fetch {
  readonly offer: MessageOf<"offer">;
  readonly from: SiteId;
  readonly bytes: Uint8Array;
  have: number;
  tries: number;
  timer: Timer | null;
}

interface Known {
  readonly way: "out" | "back";
  readonly from: SiteId;
  readonly name: string;
  readonly version: string;
  step: SiteStep;
  reason: string | null;
}

/** This site as one of those to which a package is rolled out. It gives nothing up: its own operator's rules hold. */
export class RolloutReceiver {
  readonly #known = new Map<string, Known>();
  readonly #refusedAt = new Map<SiteId, number>();
  #fetch: Fetch | null = null;
  #isInstalling = false;
  #subscription: Subscription | null = null;

  constructor(private readonly deps: ReceiverDeps) {}

  start(): void {
    this.#subscription = this.deps.sites.onMessage(ROLLOUT_TOPIC, (message) => this.#take(message));
  }

  /** Idempotent. */
  stop(): void {
    this.#subscription?.dispose();
    this.#subscription = null;
    this.#endFetch();
  }

  #take({ from, body }: SiteMessage): void {
    const message = readRolloutMessage(body);
    if (message === null || message.kind === "want" || message.kind === "step") return;
    if (!this.deps.control().includes(from)) {
      if (message.kind === "offer" || message.kind === "back") this.#refuseStranger(from, message);
      return;
    }
    if (message.kind === "offer") this.#offered(from, message);
    else if (message.kind === "piece") this.#piece(from, message);
    else if (message.kind === "back") this.#back(from, message);
    else this.#asked(from, message.rollout);
  }

  #refuseStranger(from: SiteId, offer: MessageOf<"offer" | "back">): void {
    const now = this.deps.clock.monotonic();
    if (now - (this.#refusedAt.get(from) ?? Number.NEGATIVE_INFINITY) < REFUSE_EVERY_MS) return;
    this.#refusedAt.set(from, now);
    this.deps.log.warn(`site ${this.#nameOf(from)} wants to roll out ${offer.name} ${offer.version} here, and may not`, {
      hint: `to allow it, add its fingerprint to region.control: ${from}`,
    });
    this.#tell(
      from,
      offer.rollout,
      "refused",
      "it does not let your site roll out there: its operator adds the fingerprint of your site to region.control",
    );
  }

  #offered(from: SiteId, offer: MessageOf<"offer">): void {
    const known = this.#known.get(offer.rollout);
    if (known !== undefined) {
      this.#asked(from, offer.rollout);
      return;
    }
    if (this.#fetch !== null || this.#isInstalling) {
      this.#tell(from, offer.rollout, "refused", "another rollout is under way at this site");
      return;
    }
    this.#remember(offer.rollout, { way: "out", from, name: offer.name, version: offer.version, step: "fetching", reason: null });
    this.deps.log.info(`site ${this.#nameOf(from)} rolls out ${offer.name} ${offer.version}`, { bytes: offer.bytes });
    this.#fetch = { offer, from, bytes: new Uint8Array(offer.bytes), have: 0, tries: 0, timer: null };
    this.#want(this.#fetch);
  }

  #want(fetch: Fetch): void {
    const { offer, from, have } = fetch;
    fetch.timer?.cancel();
    if (fetch.tries >= TRIES) {
      this.#end(offer.rollout, "failed", "the package did not arrive");
      return;
    }
    fetch.tries += 1;
    this.deps.sites.send(ROLLOUT_TOPIC, { kind: "want", rollout: offer.rollout, at: have }, from);
    fetch.timer = this.deps.clock.after(PIECE_MS, () => this.#want(fetch));
  }

  #piece(from: SiteId, { rollout, at, data }: MessageOf<"piece">): void {
    const fetch = this.#fetch;
    if (fetch === null || fetch.from !== from || fetch.offer.rollout !== rollout || at !== fetch.have) return;
    const bytes = Buffer.from(data, "base64");
    const wanted = Math.min(PIECE_BYTES, fetch.bytes.length - fetch.have);
    if (bytes.length !== wanted) {
      this.#end(rollout, "failed", "the package arrived damaged");
      return;
    }
    fetch.bytes.set(bytes, fetch.have);
    fetch.have += wanted;
    fetch.tries = 0;
    if (fetch.have < fetch.bytes.length) this.#want(fetch);
    else this.#complete(fetch);
  }

  #complete({ offer, bytes }: Fetch): void {
    const { rollout, name, version, sha256 } = offer;
    if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
      this.#end(rollout, "failed", "the package arrived damaged");
      return;
    }
    this.#endFetch();
    this.#work(rollout, "refused", () => this.deps.host.install(bytes, { name, version }));
  }

  #back(from: SiteId, { rollout, name, version }: MessageOf<"back">): void {
    if (this.#known.has(rollout)) {
      this.#asked(from, rollout);
      return;
    }
    if (this.#fetch !== null || this.#isInstalling) {
      this.#tell(from, rollout, "refused", "another rollout is under way at this site");
      return;
    }
    this.#remember(rollout, { way: "back", from, name, version, step: "offered", reason: null });
    this.deps.log.info(`site ${this.#nameOf(from)} takes ${name} ${version} back`);
    this.#work(rollout, "failed", () => this.deps.host.back({ name, version }));
  }

  /** `otherwise`: the step where it is not done. */
  #work(rollout: string, otherwise: SiteStep, work: () => Promise<Result<null>>): void {
    this.#step(rollout, "installing", null);
    this.#isInstalling = true;
    work()
      .then(
        (done) => {
          if (done.ok) this.#look(rollout);
          else this.#step(rollout, otherwise, done.error.summary());
        },
        (thrown: unknown) => this.#step(rollout, "failed", asGatewayError(thrown).message),
      )
      .finally(() => {
        this.#isInstalling = false;
      })
      .catch((thrown: unknown) => this.deps.log.error("a rollout could not be reported", { error: thrown }));
  }

  #asked(from: SiteId, rollout: string): void {
    const known = this.#known.get(rollout);
    if (known?.from !== from) this.#tell(from, rollout, "failed", "this site knows of no such rollout: it was restarted meanwhile");
    else if (known.step === "running" || known.step === "returned" || known.step === "failed") this.#look(rollout);
    else this.#tell(from, rollout, known.step, known.reason);
  }

  /** As the plugin is now: one that ran may have failed since. */
  #look(rollout: string): void {
    const known = this.#known.get(rollout);
    if (known === undefined) return;
    const now = this.deps.host.stateOf(known.name);
    if (known.way === "back") this.#lookBack(rollout, known, now);
    else if (now === null) this.#step(rollout, "failed", "the plugin is not there any more");
    else if (now.version !== known.version) this.#step(rollout, "failed", `version ${now.version} runs instead`);
    else if (now.state === "running") this.#step(rollout, "running", null);
    else if (now.state === "loading" || now.state === "discovered") this.#step(rollout, "installing", null);
    else this.#step(rollout, "failed", `it is ${now.state.replaceAll("_", " ")}${now.reason === null ? "" : `: ${now.reason}`}`);
  }

  /** A plugin that is disabled, or waits for its operator, is so by this site's own rules: it is back all the same. */
  #lookBack(rollout: string, { version }: Known, now: ReturnType<RolloutHost["stateOf"]>): void {
    if (now?.version === version) this.#step(rollout, "failed", `version ${version} is still there`);
    else if (now?.state === "loading" || now?.state === "discovered") this.#step(rollout, "installing", null);
    else if (now === null || ["running", "disabled", "awaiting_approval"].includes(now.state)) this.#step(rollout, "returned", null);
    else this.#step(rollout, "failed", `it is ${now.state.replaceAll("_", " ")}${now.reason === null ? "" : `: ${now.reason}`}`);
  }

  #end(rollout: string, step: SiteStep, reason: string): void {
    this.#endFetch();
    this.#step(rollout, step, reason);
  }

  #endFetch(): void {
    this.#fetch?.timer?.cancel();
    this.#fetch = null;
  }

  #step(rollout: string, step: SiteStep, reason: string | null): void {
    const known = this.#known.get(rollout);
    if (known === undefined) return;
    if (known.step !== step) {
      const line = `rollout of ${known.name} ${known.version}: ${step}${reason === null ? "" : `: ${reason}`}`;
      if (step === "failed" || step === "refused") this.deps.log.warn(line);
      else this.deps.log.info(line);
    }
    known.step = step;
    known.reason = reason;
    this.#tell(known.from, rollout, step, reason);
  }

  #tell(to: SiteId, rollout: string, step: SiteStep, reason: string | null): void {
    this.deps.sites.send(ROLLOUT_TOPIC, { kind: "step", rollout, step, reason: reason === null ? null : reasonText(reason) }, to);
  }

  #remember(rollout: string, known: Known): void {
    this.#known.set(rollout, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
  }

  #nameOf(site: SiteId): string {
    return this.deps.sites.sites().find(({ id }) => id === site)?.name ?? site;
  }
}
