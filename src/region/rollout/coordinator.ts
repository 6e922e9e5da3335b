import { createHash } from "node:crypto";
import type { Clock, Random, Timer } from "../../clock.ts";
import { asGatewayError, fail, ok, type Result } from "../../errors.ts";
import type { Subscription } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import type { SiteMessage, SiteMessages } from "../ports.ts";
import { chooseSites, planProblem, type RolloutPlan } from "./plan.ts";
import { GOALS, isOn, type Rollout, type RolloutStatus, statusOf, storedOf, type Target, wordsOf } from "./rollout.ts";
import type { RolloutStore } from "./store.ts";
import { type MessageOf, PIECE_BYTES, ROLLOUT_TOPIC, readRolloutMessage } from "./wire.ts";

export interface CoordinatorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly sites: SiteMessages;
  readonly store: Pick<RolloutStore, "load" | "begin" | "change">;
}

const ASK_MS = 10_000;
/** A site has so long from the offer until the plugin runs. */
const STAGE_MS = 5 * 60_000;
/** A site that is asked and says nothing for so long is gone, whatever its presence says. */
const SILENT_MS = 60_000;
/** After a restart the other sites have to be heard again first. */
const RESUMED_MS = 90_000;

/** Rolls a package out from this site: stage by stage, each watched for a while, and no further once anything is wrong. */
export class RolloutCoordinator {
  #rollout: Rollout | null = null;
  #timer: Timer | null = null;
  #subscriptions: readonly Subscription[] = [];
  #stored = "";

  constructor(private readonly deps: CoordinatorDeps) {}

  /** Goes on with what the last run of this gateway had begun. */
  start(): void {
    const { sites } = this.deps;
    this.#subscriptions = [sites.onMessage(ROLLOUT_TOPIC, (message) => this.#take(message)), sites.onChange(() => this.#tick())];
    this.#resume();
  }

  /** Idempotent. */
  stop(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#subscriptions = [];
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Null: none was ever begun here. */
  status(): RolloutStatus | null {
    return this.#rollout === null ? null : statusOf(this.#rollout);
  }

  /** Errors: `conflict` (one is under way), `unavailable` (no broker, no site, no disk), `too_large`, `invalid_argument`, `not_found`. */
  begin(plan: RolloutPlan): Result<RolloutStatus> {
    const refused = this.#busy() ?? planProblem(plan) ?? this.#offline();
    if (refused !== null) return refused;
    const chosen = chooseSites(this.deps.sites, plan.sites);
    if (!chosen.ok) return chosen;
    const online = chosen.value.filter((site) => site.online);
    const targets = online.flatMap(({ id, name }, at) => {
      const stage = plan.stages.findIndex((count) => count === null || at < count) + 1;
      return stage === 0 ? [] : [{ id, name, stage }];
    });
    const leftOut = chosen.value.filter((site) => !site.online).map(({ name }) => name);
    const { name, version, waitMs, package: bytes } = plan;
    return this.#launch({ way: "out", name, version, waitMs, package: bytes, stages: plan.stages.length }, targets, leftOut);
  }

  /**
   * The sites that took the last rollout return to the version before, in the same stages. Errors: `conflict` (one is under way, or
   * none was), `unavailable`.
   */
  back(): Result<RolloutStatus> {
    const refused = this.#busy() ?? this.#offline();
    if (refused !== null) return refused;
    const last = this.#rollout;
    if (last === null || last.way === "back") {
      return fail("conflict", last === null ? "no rollout was begun here" : `${last.name} ${last.version} was taken back already`);
    }
    const online = new Map(this.deps.sites.sites().map((site) => [site.id, site.online && site.state === "enrolled"]));
    const took = last.targets.filter(({ step }) => step !== "waiting" && step !== "refused");
    const reached = took.filter(({ id }) => online.get(id) === true);
    const stages = [...new Set(reached.map(({ stage }) => stage))].sort((a, b) => a - b);
    const targets = reached.map(({ id, name, stage }) => ({ id, name, stage: stages.indexOf(stage) + 1 }));
    const leftOut = took.filter(({ id }) => online.get(id) !== true).map(({ name }) => name);
    const { name, version, waitMs } = last;
    return this.#launch({ way: "back", name, version, waitMs, package: new Uint8Array(0), stages: stages.length }, targets, leftOut);
  }

  /** No further site gets it. Error `conflict`: none is under way. */
  halt(reason: string): Result<RolloutStatus> {
    const rollout = this.#rollout;
    if (rollout === null || !isOn(rollout)) return fail("conflict", "no rollout is under way");
    this.#halt(rollout, reason);
    return ok(statusOf(rollout));
  }

  #busy(): Result<never> | null {
    if (this.#rollout === null || !isOn(this.#rollout)) return null;
    return fail("conflict", `a rollout of ${this.#rollout.name} ${this.#rollout.version} is under way`, {
      hint: "wait for its end, or halt it: zephyrgate region rollout --halt",
    });
  }

  #offline(): Result<never> | null {
    return this.deps.sites.connected() ? null : fail("unavailable", "the region's broker is not connected");
  }

  #launch(
    what: Pick<Rollout, "way" | "name" | "version" | "waitMs" | "package" | "stages">,
    targets: readonly Pick<Target, "id" | "name" | "stage">[],
    leftOut: readonly string[],
  ): Result<RolloutStatus> {
    const { clock, random, log } = this.deps;
    if (targets.length === 0)
      return fail("unavailable", "no other site of the region is online that it is for", { hint: "zephyrgate region status" });
    const now = clock.monotonic();
    const rollout: Rollout = {
      ...what,
      id: Buffer.from(random.bytes(8)).toString("hex"),
      sha256: createHash("sha256").update(what.package).digest("hex"),
      targets: targets.map((target) => ({ ...target, step: "waiting" as const, reason: null, heardAt: now })),
      leftOut,
      startedAt: clock.now(),
      ...{ state: "running" as const, reason: null, stage: 0, stageAt: now, watchedFrom: null, graceUntil: now },
    };
    try {
      this.deps.store.begin(storedOf(rollout), rollout.package);
    } catch (thrown) {
      return { ok: false, error: asGatewayError(thrown, "unavailable") };
    }
    this.#rollout = rollout;
    log.info(`${wordsOf(rollout)}: ${targets.map(({ name }) => name).join(", ")}`);
    this.#nextStage(rollout);
    return ok(statusOf(rollout));
  }

  #resume(): void {
    const { clock, log, store } = this.deps;
    try {
      const stored = store.load();
      if (stored === null) return;
      const { targets, ...rest } = stored.rollout;
      const now = clock.monotonic();
      const all = targets.map((target) => ({ ...target, heardAt: now + RESUMED_MS }));
      const times = { stageAt: now, watchedFrom: null, graceUntil: now + RESUMED_MS };
      this.#rollout = { ...rest, package: stored.package, targets: all, ...times };
      if (!isOn(this.#rollout)) return;
      log.info(`${wordsOf(this.#rollout)} goes on after a restart of this gateway, in stage ${this.#rollout.stage}`);
      this.#tick();
    } catch (thrown) {
      log.error("the last rollout cannot be read; it has ended where it was", { error: thrown });
    }
  }

  /** What changed is on the disk before anything follows from it. */
  #save(rollout: Rollout): void {
    const stored = storedOf(rollout);
    const text = JSON.stringify(stored);
    if (text === this.#stored) return;
    try {
      this.deps.store.change(stored);
      this.#stored = text;
    } catch (thrown) {
      this.deps.log.error("where a rollout is cannot be written: after a restart it goes on from further back", { error: thrown });
    }
  }

  #nextStage(rollout: Rollout): void {
    rollout.stage += 1;
    rollout.state = "running";
    rollout.watchedFrom = null;
    rollout.stageAt = this.deps.clock.monotonic();
    for (const target of rollout.targets.filter(({ stage }) => stage === rollout.stage)) {
      target.step = "offered";
      target.heardAt = rollout.stageAt;
      this.#offer(rollout, target);
    }
    this.#tick();
  }

  #offer({ id: rollout, way, name, version, package: bytes, sha256 }: Rollout, { id }: Target): void {
    if (way === "back") this.deps.sites.send(ROLLOUT_TOPIC, { kind: "back", rollout, name, version }, id);
    else this.deps.sites.send(ROLLOUT_TOPIC, { kind: "offer", rollout, name, version, sha256, bytes: bytes.length }, id);
  }

  #take({ from, body }: SiteMessage): void {
    const message = readRolloutMessage(body);
    const rollout = this.#rollout;
    if (message === null || rollout === null || message.rollout !== rollout.id) return;
    const target = rollout.targets.find(({ id, step }) => id === from && step !== "waiting");
    if (target === undefined) return;
    target.heardAt = this.deps.clock.monotonic();
    if (message.kind === "want") this.#give(rollout, target, message);
    if (message.kind !== "step" || message.step === "offered") return;
    target.step = message.step;
    target.reason = message.reason;
    this.#tick();
  }

  /** Also after a halt: a site that has begun to fetch gets the rest, and decides by its own rules. */
  #give({ id: rollout, package: bytes }: Rollout, { id }: Target, { at }: MessageOf<"want">): void {
    const data = Buffer.from(bytes.subarray(at, at + PIECE_BYTES)).toString("base64");
    this.deps.sites.send(ROLLOUT_TOPIC, { kind: "piece", rollout, at, data }, id);
  }

  /** Looks where it is, and goes on or halts. */
  #tick(): void {
    const rollout = this.#rollout;
    if (rollout === null || !isOn(rollout)) return;
    this.#save(rollout);
    if (!this.deps.sites.connected()) {
      this.#wait(rollout);
      return;
    }
    const trouble = this.#trouble(rollout);
    if (trouble !== null) {
      this.#halt(rollout, trouble);
      return;
    }
    this.#goOn(rollout);
    this.#save(rollout);
    if (isOn(rollout)) this.#again();
  }

  /** While the own broker is away nobody is heard, and no site is to blame; afterwards they must be heard again first. */
  #wait(rollout: Rollout): void {
    const now = this.deps.clock.monotonic();
    rollout.graceUntil = now + RESUMED_MS;
    rollout.watchedFrom = null;
    rollout.stageAt = now;
    for (const target of rollout.targets) target.heardAt = rollout.graceUntil;
    this.#again();
  }

  #goOn(rollout: Rollout): void {
    const now = this.deps.clock.monotonic();
    const begun = rollout.targets.filter(({ step }) => step !== "waiting");
    const online = new Set(this.deps.sites.sites().flatMap((site) => (site.online ? [site.id] : [])));
    if (!begun.every(({ step }) => step === GOALS[rollout.way]) || !begun.every(({ id }) => online.has(id))) {
      rollout.state = "running";
      rollout.watchedFrom = null;
      return;
    }
    rollout.watchedFrom ??= now;
    rollout.state = "watching";
    if (now - rollout.watchedFrom < rollout.waitMs) return;
    const isLast = rollout.targets.every(({ step }) => step !== "waiting");
    if (!isLast) this.#nextStage(rollout);
    else {
      rollout.state = "done";
      this.deps.log.info(`${wordsOf(rollout)}: done at ${rollout.targets.length} sites`);
    }
  }

  #trouble(rollout: Rollout): string | null {
    const now = this.deps.clock.monotonic();
    const views = new Map(this.deps.sites.sites().map((site) => [site.id, site]));
    for (const { id, name, step, reason, heardAt } of rollout.targets) {
      if (step === "waiting") continue;
      if (step === "refused" || step === "failed") return `site ${name}: ${step}: ${reason ?? "no reason given"}`;
      const site = views.get(id);
      if (site?.state !== "enrolled") return `site ${name} is not enrolled any more`;
      if (!site.online && now > rollout.graceUntil) return `site ${name} went offline`;
      if (now - heardAt > SILENT_MS) return `site ${name} does not answer`;
    }
    const isLate = rollout.watchedFrom === null && now - rollout.stageAt > STAGE_MS;
    return isLate ? `stage ${rollout.stage} did not run within ${STAGE_MS / 60_000} minutes` : null;
  }

  #again(): void {
    this.#timer?.cancel();
    this.#timer = this.deps.clock.after(ASK_MS, () => {
      const rollout = this.#rollout;
      if (rollout === null || !isOn(rollout)) return;
      for (const target of rollout.targets) {
        if (target.step === "offered") this.#offer(rollout, target);
        else if (target.step !== "waiting") this.deps.sites.send(ROLLOUT_TOPIC, { kind: "ask", rollout: rollout.id }, target.id);
      }
      this.#tick();
    });
  }

  #halt(rollout: Rollout, reason: string): void {
    rollout.state = "halted";
    rollout.reason = reason;
    this.#timer?.cancel();
    this.#save(rollout);
    this.deps.log.warn(`${wordsOf(rollout)} halted: ${reason}`);
  }
}
