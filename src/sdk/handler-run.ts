/** One run of a handler: its questions to the sender, and which of the gateway's calls its end belongs to. */

import type { Json } from "../json.ts";
import { PluginError } from "./boundary/errors.ts";
import { MAX_ASK_S, MAX_QUESTION, USUAL_ASK_S } from "./boundary/operations.ts";
import { OPS } from "./boundary/ops.ts";
import type { WireContext, WireError, WireQuestion } from "./boundary/wire.ts";
import { attempt, describeError, post, watched } from "./realm/link.ts";
import {
  floor,
  jsonStringify,
  mapDelete,
  mapGet,
  mapSet,
  NativeDate,
  NativeMap,
  NativePromise,
  NativeTypeError,
} from "./realm/primordials.ts";
import { random } from "./realm/random.ts";
import type { AskOptions } from "./types/context.ts";

/** How a call ends, as the host takes it. */
export type Outcome = { ok: true; value: Json; session?: Json; ask?: WireQuestion; lost?: true } | { ok: false; error: WireError };

/** Questions of one realm that wait for their answers. */
const MAX_OPEN = 200;
/** A question is named by a number that another load of the plugin does not guess. */
const NUMBERS = 2 ** 52;
/** The handler waits for an answer: no call is in flight for it. */
const NO_CALL = -1;

interface Open {
  readonly run: HandlerRun;
  readonly resolve: (answer: string | null) => void;
}

const open = new NativeMap<number, Open>();
let count = 0;

type Session = { [key: string]: Json };

/** What a handler sees of its context, with the sdk's own additions. */
export interface LiveContext extends Omit<WireContext, "sessionData" | "timestamp" | "answers"> {
  sessionData: Session;
  readonly timestamp: Date;
  ask(question: string, options?: AskOptions): Promise<string | null>;
}

/** A handler from its call to its end, over all answers that it waits for. */
export class HandlerRun {
  #call: number;
  #ended = false;
  #context: LiveContext | null = null;
  #before = "{}";
  #answers: readonly (string | null)[] = [];
  #answered = 0;

  constructor(call: number) {
    this.#call = call;
  }

  /** The context that the handler gets. */
  contextOf(wire: WireContext): LiveContext {
    const { answers, ...rest } = wire;
    if (answers !== undefined) this.#answers = answers;
    const session = (wire.sessionData ?? {}) as Session;
    this.#before = jsonStringify(session);
    const ask = (question: string, options?: AskOptions) => this.#ask(question, options);
    const context = { ...rest, sessionData: session, timestamp: new NativeDate(wire.timestamp), ask };
    this.#context = context;
    return context;
  }

  /** Ends the call that is in flight for this handler. */
  finish(outcome: Outcome): void {
    const call = this.#call;
    this.#ended = true;
    // It ended without the answer to its own question: that call ends when the answer comes.
    if (call === NO_CALL) return;
    try {
      post(OPS.done, [call, outcome.ok ? this.#withSession(outcome) : outcome]);
    } catch (thrown) {
      post(OPS.done, [call, { ok: false, error: describeError(thrown) }]); // Its value was no JSON, or its toJSON threw.
    }
  }

  /** The answer came with this call; the handler goes on. */
  answered(call: number, answer: string | null, session: Session | undefined, resolve: Open["resolve"]): void {
    this.#call = call;
    if (this.#context !== null && session !== undefined) {
      this.#context.sessionData = session;
      this.#before = jsonStringify(session);
    }
    resolve(answer);
    if (this.#ended) post(OPS.done, [call, { ok: true, value: null }]);
  }

  #ask(question: string, options: AskOptions = {}): Promise<string | null> {
    const { timeout = USUAL_ASK_S } = options;
    if (typeof question !== "string" || question === "" || question.length > MAX_QUESTION)
      throw new NativeTypeError(`ask takes a question of 1 to ${MAX_QUESTION} characters`);
    if (typeof timeout !== "number" || !(timeout >= 1 && timeout <= MAX_ASK_S))
      throw new NativeTypeError(`The timeout of ask is 1 to ${MAX_ASK_S} seconds`);
    if (this.#answered < this.#answers.length) {
      const answer = this.#answers[this.#answered++] ?? null;
      return attempt(() => answer);
    }
    if (this.#call === NO_CALL) throw new PluginError("conflict", "A question is open already", "await one ask before the next");
    if (this.#ended) throw new PluginError("conflict", "The handler has ended", "await ask in the handler itself");
    if (count >= MAX_OPEN) throw new PluginError("rate_limited", `${MAX_OPEN} questions of this plugin are open`);
    return watched(new NativePromise((resolve) => this.#suspend({ question, timeoutS: timeout }, resolve)));
  }

  #suspend(asked: Omit<WireQuestion, "dialogue">, resolve: Open["resolve"]): void {
    const dialogue = floor(random() * NUMBERS);
    mapSet(open, dialogue, { run: this, resolve });
    count++;
    const call = this.#call;
    this.#call = NO_CALL;
    post(OPS.done, [call, this.#withSession({ ok: true, value: null, ask: { dialogue, ...asked } })]);
  }

  #withSession(outcome: Outcome & { ok: true }): Outcome {
    if (this.#context === null) return outcome;
    const session = jsonStringify(this.#context.sessionData);
    if (session === this.#before) return outcome;
    this.#before = session;
    return { ...outcome, session: this.#context.sessionData };
  }
}

/** An answer came. A realm that did not ask says so: the one that did is gone. */
export function answer(call: number, dialogue: number, text: string | null, session: Session | undefined): void {
  const asked = mapGet(open, dialogue);
  if (asked === undefined) {
    post(OPS.done, [call, { ok: true, value: null, lost: true }]);
    return;
  }
  mapDelete(open, dialogue);
  count--;
  asked.run.answered(call, text, session, asked.resolve);
}
