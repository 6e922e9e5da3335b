import * as v from "valibot";
import type { Clock } from "../clock.ts";
import { fail, type GatewayError, ok, type Result } from "../errors.ts";
import type { Json } from "../json.ts";
import { type JsonLimits, parseJson } from "../json-reader.ts";
import { clip } from "../log/escape.ts";
import type { Logger } from "../log/logger.ts";
import { type Rate, TokenBucket } from "../rates.ts";

/** A text for the mesh, as whoever may write the topic asks for it. */
export interface SendRequest {
  readonly text: string;
  readonly destination?: string | undefined;
  readonly channel?: string | number | undefined;
  readonly priority?: "low" | "normal" | "high" | undefined;
}

export interface SendRequestDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly rate: Rate;
  /** Names of channels that may be written; null: all. */
  readonly channels: readonly string[] | null;
  readonly direct: boolean;
  /** The names of the channels that it may mean; none: there is no such channel. */
  channelNames(channel: string | number): readonly string[];
  /** The way that texts of the API go. */
  send(request: SendRequest): Promise<Result<{ readonly id: string }>>;
  answer(result: Json): void;
  count(outcome: string): void;
}

const LIMITS: JsonLimits = { chars: 4096, depth: 3, nodes: 32 };
const MAX_BYTES = 8192;
const text = (most: number) =>
  v.pipe(v.string("is not text"), v.minLength(1, "is empty"), v.maxLength(most, `is longer than ${most} characters`));
const NO_CHANNEL = "is neither an index from 0 to 7 nor a name";
const index = v.pipe(v.number(), v.integer(NO_CHANNEL), v.minValue(0, NO_CHANNEL), v.maxValue(7, NO_CHANNEL));
const requestSchema = v.strictObject(
  {
    text: text(1000),
    destination: v.optional(text(64)),
    channel: v.optional(v.union([index, text(32)], NO_CHANNEL)),
    priority: v.optional(v.picklist(["low", "normal", "high"], "is not low, normal or high")),
    ref: v.optional(text(64)),
  },
  "is missing, or not known here",
);

const KEYS = "keys: text, destination, channel, priority, ref";

/** A broker may deliver a message twice: a request with a `ref` that is known is answered again, not sent again. */
const REFS_MAX = 500;
/** Requests under way at once. */
const PENDING_MAX = 20;
/** Refusals are logged at most this often; all are answered and counted. */
const LOG_EVERY_MS = 60_000;

type Outcome = Result<{ readonly id: string }>;

/** Reads the texts that arrive at the broker for the mesh. Anybody may have written them: schema, size and rate come before the outbox. */
export class SendRequests {
  readonly #bucket: TokenBucket;
  readonly #refs = new Map<string, Promise<Outcome>>();
  #pending = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;
  #unlogged = 0;

  constructor(private readonly deps: SendRequestDeps) {
    this.#bucket = new TokenBucket(deps.clock, deps.rate);
  }

  async take(payload: Uint8Array, isRetained: boolean): Promise<void> {
    const read = isRetained ? kept() : readRequest(payload);
    if (!read.ok) return this.#end(undefined, read);
    const { ref, ...request } = read.value;
    const known = ref === undefined ? undefined : this.#refs.get(ref);
    const outcome = known ?? this.#admit(request);
    if (ref !== undefined && known === undefined) this.#remember(ref, outcome);
    const ended = await outcome;
    // A refused request may be tried again under its own name.
    if (ref !== undefined && !ended.ok && this.#refs.get(ref) === outcome) this.#refs.delete(ref);
    this.#end(ref, ended);
  }

  #remember(ref: string, outcome: Promise<Outcome>): void {
    this.#refs.set(ref, outcome);
    const [oldest] = this.#refs.keys();
    if (this.#refs.size > REFS_MAX && oldest !== undefined) this.#refs.delete(oldest);
  }

  async #admit(request: SendRequest): Promise<Outcome> {
    const refusal = this.#refusal(request);
    if (refusal !== null) return refusal;
    this.#pending += 1;
    try {
      return await this.deps.send(request);
    } finally {
      this.#pending -= 1;
    }
  }

  #refusal({ destination, channel }: SendRequest): Result<never> | null {
    const { channels, direct, rate } = this.deps;
    const isDirect = destination !== undefined && destination.trim().toLowerCase() !== "broadcast";
    if (isDirect && !direct)
      return fail("permission_denied", "direct messages are not allowed here", { hint: "publish.texts.direct: true" });
    const meant = isDirect || channels === null ? [] : this.deps.channelNames(channel ?? 0);
    if (!isDirect && channels !== null && (meant.length === 0 || !meant.every((name) => channels.includes(name)))) {
      return fail("permission_denied", `channel ${JSON.stringify(channel ?? 0)} is not allowed here`, {
        hint: "publish.texts.channels names those that are",
      });
    }
    const wait = this.#pending >= PENDING_MAX ? 1 : this.#bucket.take(1);
    if (wait > 0) return fail("rate_limited", `more than ${rate.text}`, { hint: `wait ${Math.ceil(wait)} s` });
    return null;
  }

  #end(ref: string | undefined, outcome: Outcome): void {
    const named = ref === undefined ? {} : { ref };
    this.deps.count(outcome.ok ? "sent" : outcome.error.code);
    if (outcome.ok) {
      this.deps.answer({ ...named, id: outcome.value.id });
      return;
    }
    const { code, message, hint } = outcome.error;
    this.deps.answer({ ...named, error: { code, message, ...(hint === undefined ? {} : { hint }) } });
    this.#log(outcome.error);
  }

  #log(error: GatewayError): void {
    const now = this.deps.clock.monotonic();
    if (now - this.#loggedAt < LOG_EVERY_MS) {
      this.#unlogged += 1;
      return;
    }
    this.deps.log.warn(
      `a text from the broker was refused: ${error.summary()}`,
      this.#unlogged === 0 ? {} : { more_like_it: this.#unlogged },
    );
    this.#loggedAt = now;
    this.#unlogged = 0;
  }
}

function kept(): Result<never> {
  return fail("invalid_argument", "the request was kept by the broker", {
    hint: "publish it without the retain flag: it would be sent at every connection",
  });
}

function readRequest(payload: Uint8Array): Result<v.InferOutput<typeof requestSchema>> {
  if (payload.length > MAX_BYTES) return fail("too_large", `the request is larger than ${MAX_BYTES} bytes`);
  const json = parseJson(new TextDecoder().decode(payload), LIMITS);
  if (!json.ok)
    return fail(json.error.code, `the request ${json.error.message}`, { hint: 'write for example {"text": "hello", "channel": 0}' });
  if (Array.isArray(json.value)) return fail("unprocessable", "the request is not an object", { hint: KEYS });
  const parsed = v.safeParse(requestSchema, json.value, { abortEarly: true });
  if (parsed.success) return ok(parsed.output);
  const [issue] = parsed.issues;
  const key = (issue.path ?? []).map(({ key: step }) => String(step)).join(".");
  const where = key === "" ? "the request" : JSON.stringify(clip(key, 40));
  const message = key === "" ? "is not an object" : issue.message;
  return fail("unprocessable", `${where} ${message}`, { hint: KEYS });
}
