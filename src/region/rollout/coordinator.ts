import { createHash } from "node:crypto";
import type { Clock, Random, Timer } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Subscription } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import type { SiteId, SiteMessage, SiteMessages, SiteView } from "../ports.ts";
import { type MessageOf, PACKAGE_BYTES_MAX, PIECE_BYTES, ROLLOUT_TOPIC, readRolloutMessage, type SiteStep } from "./wire.ts";

export interface RolloutPlan {
  readonly package: Uint8Array;
  readonly name: string;
  readonly version: string;
  /** How many sites have it after each stage; null: all. The last one may be less than all. */
  readonly stages: readonly (number | null)[];
  /** How long each stage is watched before the next. */
  readonly waitMs: number;
  /** Names or fingerprints, in the order in which they get it; null: every other enrolled site, by name. */
  readonly sites: readonly string[] | null;
}

export interface RolloutSite {
  readonly id: SiteId;
  readonly name: string;
  /** From 1. */
  readonly stage: number;
  /** `waiting`: its stage has not begun. */
  readonly step: SiteStep | "waiting";
  readonly reason: string | null;
}

export interface RolloutStatus {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly state: "running" | "watching" | "done" | "halted";
  /** Why it was halted. */
  readonly reason: string | null;
  readonly stage: number;
  readonly stages: number;
  readonly sites: readonly RolloutSite[];
  /** Sites that were offline when it began: they get nothing. */
  readonly leftOut: readonly string[];
  /** Ms since 1970. */
  readonly startedAt: number;
}

export interface CoordinatorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly sites: SiteMessages;
}

const ASK_MS = 10_000;
/** A site has so long from the offer until the plugin runs. */
const STAGE_MS = 5 * 60_000;
/** A site that is asked and says nothing for so long is gone, whatever its presence says. */
const SILENT_MS = 60_000;
const STAGES_MAX = 20;

interface Target {
  readonly id: SiteId;
  readonly name: string;
  readonly stage: number;
  step: SiteStep | "waiting";
  reason: string | null;
  heardAt: number;
}

interface Rollout {
  readonly id: string;
  readonly plan: RolloutPlan;
  readonly sha256: string;
  readonly targets: readonly Target[];
  readonly leftOut: readonly string[];
  readonly startedAt: number;
  state: RolloutStatus["state"];
  reason: string | null;
  stage: number;
  /** Monotonic: when the present stage began, and when all of it ran. */
  stageAt: number;
  watchedFrom: number | null;
}

/** Rolls a package out from this site: stage by stage, each watched for a while, and no further once anything is wrong. */
export class RolloutCoordinator {
  #rollout: Rollout | null = null;
  #timer: Timer | null = null;
  #subscriptions: readonly Subscription[] = [];

  constructor(private readonly deps: CoordinatorDeps) {}

  start(): void {
    const { sites } = this.deps;
    this.#subscriptions = [sites.onMessage(ROLLOUT_TOPIC, (message) => this.#take(message)), sites.onChange(() => this.#tick())];
  }

  /** Idempotent. */
  stop(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#subscriptions = [];
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Null: none since the start. */
  status(): RolloutStatus | null {
    const rollout = this.#rollout;
    if (rollout === null) return null;
    const { id, plan, state, reason, stage, targets, leftOut, startedAt } = rollout;
    const { name, version, stages } = plan;
    const sites = targets.map(({ heardAt: _, ...target }) => target);
    return { id, name, version, state, reason, stage, stages: stages.length, sites, leftOut, startedAt };
  }

  /** Errors: `conflict` (one is under way), `unavailable` (no broker, no site), `too_large`, `invalid_argument`, `not_found`. */
  begin(plan: RolloutPlan): Result<RolloutStatus> {
    const { clock, random, log } = this.deps;
    const refused = this.#refusal(plan);
    if (refused !== null) return refused;
    const chosen = this.#choose(plan.sites);
    if (!chosen.ok) return chosen;
    const online = chosen.value.filter((site) => site.online);
    if (online.length === 0) return fail("unavailable", "no other site of the region is online", { hint: "zephyrgate region status" });
    const now = clock.monotonic();
    this.#rollout = {
      id: Buffer.from(random.bytes(8)).toString("hex"),
      plan,
      sha256: createHash("sha256").update(plan.package).digest("hex"),
      targets: online.flatMap(({ id, name }, at) => {
        const stage = plan.stages.findIndex((count) => count === null || at < count) + 1;
        return stage === 0 ? [] : [{ id, name, stage, step: "waiting" as const, reason: null, heardAt: now }];
      }),
      leftOut: chosen.value.filter((site) => !site.online).map(({ name }) => name),
      startedAt: clock.now(),
      state: "running",
      reason: null,
      stage: 0,
      stageAt: now,
      watchedFrom: null,
    };
    log.info(`rollout of ${plan.name} ${plan.version} to ${this.#rollout.targets.map(({ name }) => name).join(", ")}`);
    this.#nextStage(this.#rollout);
    const status = this.status();
    return status === null ? fail("internal", "the rollout did not begin") : ok(status);
  }

  /** No further site gets it. Error `conflict`: none is under way. */
  halt(reason: string): Result<RolloutStatus> {
    const rollout = this.#rollout;
    if (rollout === null || !isOn(rollout)) return fail("conflict", "no rollout is under way");
    this.#halt(rollout, reason);
    const status = this.status();
    return status === null ? fail("internal", "the rollout is not there") : ok(status);
  }

  #refusal({ package: bytes, stages, waitMs }: RolloutPlan): Result<never> | null {
    if (this.#rollout !== null && isOn(this.#rollout)) {
      return fail("conflict", `a rollout of ${this.#rollout.plan.name} ${this.#rollout.plan.version} is under way`, {
        hint: "wait for its end, or halt it: zephyrgate region rollout --halt",
      });
    }
    if (bytes.length === 0 || bytes.length > PACKAGE_BYTES_MAX) {
      return fail("too_large", `a package that is rolled out has at most ${PACKAGE_BYTES_MAX / 2 ** 20} MB`, {
        hint: "install it at each site: zephyrgate plugin install",
      });
    }
    const grows = stages.every((count, at) => {
      const before = at === 0 ? 0 : stages[at - 1];
      return count === null
        ? at === stages.length - 1
        : Number.isInteger(count) && before !== null && before !== undefined && count > before;
    });
    if (stages.length === 0 || stages.length > STAGES_MAX || !grows || !(waitMs >= 0)) {
      return fail("invalid_argument", "stages are growing numbers of sites", { hint: "for example 1,3,all" });
    }
    return this.deps.sites.connected() ? null : fail("unavailable", "the region's broker is not connected");
  }

  #choose(named: readonly string[] | null): Result<readonly SiteView[]> {
    const others = this.deps.sites.sites().filter(({ state }) => state === "enrolled");
    if (named === null) return ok([...others].sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id)));
    const chosen: SiteView[] = [];
    for (const name of named) {
      const [site, ...more] = others.filter((each) => each.name === name || each.id === name);
      if (site === undefined || more.length > 0) {
        const what = site === undefined ? "there is no other enrolled site" : "several sites are called";
        return fail("not_found", `${what} ${name.slice(0, 64)}`, {
          hint: `there are: ${others.map((each) => each.name).join(", ") || "none"}`,
        });
      }
      if (!chosen.includes(site)) chosen.push(site);
    }
    return ok(chosen);
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

  #offer({ id: rollout, plan: { name, version, package: bytes }, sha256 }: Rollout, { id }: Target): void {
    this.deps.sites.send(ROLLOUT_TOPIC, { kind: "offer", rollout, name, version, sha256, bytes: bytes.length }, id);
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
  #give({ id: rollout, plan }: Rollout, { id }: Target, { at }: MessageOf<"want">): void {
    const data = Buffer.from(plan.package.subarray(at, at + PIECE_BYTES)).toString("base64");
    this.deps.sites.send(ROLLOUT_TOPIC, { kind: "piece", rollout, at, data }, id);
  }

  /** Looks where it is, and goes on or halts. */
  #tick(): void {
    const rollout = this.#rollout;
    if (rollout === null || !isOn(rollout)) return;
    const trouble = this.#trouble(rollout);
    if (trouble !== null) {
      this.#halt(rollout, trouble);
      return;
    }
    this.#goOn(rollout);
    if (isOn(rollout)) this.#again();
  }

  #goOn(rollout: Rollout): void {
    const now = this.deps.clock.monotonic();
    const begun = rollout.targets.filter(({ step }) => step !== "waiting");
    if (!begun.every(({ step }) => step === "running")) {
      rollout.state = "running";
      rollout.watchedFrom = null;
      return;
    }
    rollout.watchedFrom ??= now;
    rollout.state = "watching";
    if (now - rollout.watchedFrom < rollout.plan.waitMs) return;
    const isLast = rollout.targets.every(({ step }) => step !== "waiting");
    if (!isLast) this.#nextStage(rollout);
    else {
      rollout.state = "done";
      this.deps.log.info(`rollout of ${rollout.plan.name} ${rollout.plan.version}: it runs at ${rollout.targets.length} sites`);
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
      // While the own broker is away nobody is heard, and no site is to blame: the rollout waits.
      if (this.deps.sites.connected() && !site.online) return `site ${name} went offline`;
      if (this.deps.sites.connected() && now - heardAt > SILENT_MS) return `site ${name} does not answer`;
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
    this.deps.log.warn(`rollout of ${rollout.plan.name} ${rollout.plan.version} halted: ${reason}`);
  }
}

const isOn = ({ state }: Rollout): boolean => state === "running" || state === "watching";
