import type { Clock, Timer } from "../clock.ts";
import { inBackground } from "../log/background.ts";
import type { Logger } from "../log/logger.ts";

/** Posts a body; resolves to the HTTP status. Rejects when there is no answer. */
export type Post = (url: string, body: string, signal: AbortSignal) => Promise<number>;

export interface WebhookDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where to post to, as the operator wrote it; null: nowhere. Nothing else decides it. */
  url(): string | null;
  readonly post?: Post;
  /** True when several posts in a row failed, false when one succeeded after that. */
  onTrouble?(failing: boolean): void;
}

const MAX_WAITING = 100;
const DEADLINE_MS = 10_000;
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 10 * 60_000;
/** What could not be told for a day is no news. */
const MAX_AGE_MS = 24 * 3_600_000;
/** Failures in a row after which the operator is told by other ways. */
const TROUBLE_AFTER = 3;
/** Statuses after which a later try may succeed; any other but 2xx is a refusal. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

interface Waiting {
  readonly body: string;
  readonly since: number;
}

/** Posts JSON to one address: in order, one at a time, each with a deadline, again and again with growing pauses, at most a day. */
export class Webhook {
  #waiting: Waiting[] = [];
  #failures = 0;
  #isTroubled = false;
  #isBusy = false;
  #active: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;
  #stop: AbortController | null = new AbortController();
  readonly counts = { sent: 0, failed: 0, dropped: 0 };

  constructor(private readonly deps: WebhookDeps) {}

  /** Queues a value. When too many wait, the oldest is dropped. */
  send(value: unknown): void {
    if (this.#stop === null || this.deps.url() === null) return;
    this.#waiting.push({ body: JSON.stringify(value), since: this.deps.clock.monotonic() });
    if (this.#waiting.length > MAX_WAITING) this.#drop("too many wait");
    if (this.#timer === null) this.#work();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** What still waits is given up. Resolves when nothing is being posted. Idempotent. */
  async stop(): Promise<void> {
    this.#stop?.abort();
    this.#stop = null;
    this.#timer?.cancel();
    this.#timer = null;
    await this.#active;
  }

  #work(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#active = this.#run();
    inBackground(this.deps.log, "posting to the webhook", this.#active);
  }

  async #run(): Promise<void> {
    try {
      await this.#postAll();
    } finally {
      this.#isBusy = false;
    }
  }

  async #postAll(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined && this.#stop !== null; next = this.#waiting[0]) {
      const url = this.deps.url();
      if (url === null) {
        this.#waiting = [];
        return;
      }
      if (this.deps.clock.monotonic() - next.since > MAX_AGE_MS) {
        this.#drop("it is older than a day");
        continue;
      }
      const outcome = await this.#post(url, next.body);
      if (this.#stop === null) return;
      if (outcome.kind === "later") return this.#later(outcome.why);
      // It may have been dropped meanwhile, for want of room.
      if (this.#waiting[0] === next) this.#waiting.shift();
      if (outcome.kind === "refused") this.#refused(outcome.why);
      else this.#sent();
    }
  }

  async #post(
    url: string,
    body: string,
  ): Promise<{ readonly kind: "sent" } | { readonly kind: "later" | "refused"; readonly why: string }> {
    const deadline = new AbortController();
    const timer = this.deps.clock.after(DEADLINE_MS, () => deadline.abort());
    const signal = this.#stop === null ? deadline.signal : AbortSignal.any([deadline.signal, this.#stop.signal]);
    try {
      const status = await (this.deps.post ?? postJson)(url, body, signal);
      if (status >= 200 && status < 300) return { kind: "sent" };
      if (status >= 300 && status < 400) return { kind: "refused", why: `it redirects (status ${status}): write the final address` };
      return { kind: status >= 500 || PASSING.has(status) ? "later" : "refused", why: `status ${status}` };
    } catch (thrown) {
      // The error's text may repeat the address, and that may hold a secret.
      const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "no answer";
      return { kind: "later", why: deadline.signal.aborted ? `no answer in ${DEADLINE_MS / 1000} s` : code };
    } finally {
      timer.cancel();
    }
  }

  #sent(): void {
    this.counts.sent += 1;
    this.#failures = 0;
    if (!this.#isTroubled) return;
    this.#isTroubled = false;
    this.deps.log.info("alerts.webhook takes alerts again");
    this.deps.onTrouble?.(false);
  }

  #later(why: string): void {
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 16));
    this.#failed(why, `the next try is in ${Math.round(pause / 1000)} s`);
    this.#timer = this.deps.clock.after(pause, () => {
      this.#timer = null;
      this.#work();
    });
  }

  #refused(why: string): void {
    this.#failed(why, "it is not sent again");
    this.#trouble();
  }

  #failed(why: string, then: string): void {
    this.#failures += 1;
    this.counts.failed += 1;
    this.deps.log.warn(`alerts.webhook did not take an alert: ${why}; ${then}`, { waiting: this.#waiting.length });
    if (this.#failures >= TROUBLE_AFTER) this.#trouble();
  }

  #trouble(): void {
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    this.deps.onTrouble?.(true);
  }

  #drop(why: string): void {
    this.#waiting.shift();
    this.counts.dropped += 1;
    this.deps.log.warn(`an alert was not posted to alerts.webhook: ${why}`);
  }
}

/** Follows no redirect, and reads nothing of the answer but its status. */
async function postJson(url: string, body: string, signal: AbortSignal): Promise<number> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", "user-agent": "ZephyrGate" },
    body,
    redirect: "manual",
    signal,
  });
  await response.body?.cancel();
  return response.status;
}
