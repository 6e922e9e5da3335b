import { type Clock, sleep } from "../../clock.ts";
import { asGatewayError, type GatewayError, type Result } from "../../errors.ts";
import type { Subscription } from "../../lifetime.ts";
import { formatNodeId, type NodeNumber } from "../ids.ts";
import type { Fault } from "../simulator/faults.ts";
import type { HeardText, SayRequest } from "../simulator/texts.ts";
import type { ScriptStep } from "./parse.ts";

/** What a script controls: a {@link SimulatedMesh}, or a gateway's control API. */
export interface ScriptPort {
  say(request: SayRequest): Result<number> | Promise<Result<number>>;
  onHeard(listener: (text: Pick<HeardText, "to" | "text">) => void): Subscription;
  fail(fault: Fault): void | Promise<void>;
}

export interface ScriptOptions {
  readonly clock: Clock;
  /** The file's name, for the messages. */
  readonly name: string;
  /** One line for each thing that happens. */
  readonly print?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export type ScriptOutcome =
  | { readonly ok: true; readonly steps: number }
  /** `message` names the file, the line, what was expected and what was heard instead. */
  | { readonly ok: false; readonly line: number; readonly message: string };

/** How many texts that no step has expected are kept; the oldest are dropped first. */
const MAX_UNMET = 1000;
const SHOWN = 5;

interface Heard {
  readonly to: NodeNumber;
  readonly text: string;
}

/** Runs the steps in order and stops at the first that fails. Never rejects. */
export async function runScript(steps: readonly ScriptStep[], port: ScriptPort, options: ScriptOptions): Promise<ScriptOutcome> {
  const unmet: Heard[] = [];
  let wake = () => {};
  const subscription = port.onHeard(({ to, text }) => {
    options.print?.(`  gateway to ${formatNodeId(to)}: ${text}`);
    unmet.push({ to, text });
    if (unmet.length > MAX_UNMET) unmet.shift();
    wake();
  });
  const heard = (ms: number) => {
    const done = new AbortController();
    wake = () => done.abort();
    options.signal?.addEventListener("abort", wake, { once: true });
    return sleep(options.clock, ms, done.signal);
  };
  try {
    for (const step of steps) {
      const failure = await runStep(step, { port, options, unmet, heard });
      if (options.signal?.aborted) return { ok: false, line: step.line, message: `${options.name}:${step.line}: cancelled` };
      if (failure !== null) return { ok: false, line: step.line, message: `${options.name}:${step.line}: ${failure}` };
    }
    return { ok: true, steps: steps.length };
  } finally {
    subscription.dispose();
  }
}

/** What the steps of one run share. */
interface Run {
  readonly port: ScriptPort;
  readonly options: ScriptOptions;
  /** Texts of the gateway that no expectation has met, in the order in which they were heard. */
  readonly unmet: Heard[];
  /** Resolves with the next text, or after `ms`. */
  heard(ms: number): Promise<void>;
}

/** Returns what failed, or null. */
async function runStep(step: ScriptStep, run: Run): Promise<string | null> {
  const { port, options } = run;
  switch (step.kind) {
    case "say": {
      if (step.afterS > 0) await sleep(options.clock, step.afterS * 1000, options.signal);
      options.print?.(`${formatNodeId(step.say.from)}: ${step.say.text}`);
      return problem(() => port.say(step.say));
    }
    case "wait":
      await sleep(options.clock, step.s * 1000, options.signal);
      return null;
    case "fail":
      options.print?.(`fault: ${JSON.stringify(step.fault)}`);
      return problem(async () => void (await port.fail(step.fault)));
    case "expect":
      return expectText(step, run);
  }
}

async function expectText(step: Extract<ScriptStep, { kind: "expect" }>, run: Run): Promise<string | null> {
  const { options, unmet } = run;
  const deadline = options.clock.monotonic() + step.withinS * 1000;
  for (;;) {
    const at = unmet.findIndex(({ to, text }) => text.includes(step.contains) && (step.to === undefined || step.to === to));
    if (at !== -1) {
      unmet.splice(at, 1);
      return null;
    }
    const left = deadline - options.clock.monotonic();
    if (left <= 0 || options.signal?.aborted) break;
    await run.heard(left);
  }
  const instead = unmet.slice(-SHOWN).map(({ text }) => JSON.stringify(text));
  const seen = instead.length === 0 ? "nothing else was heard" : `heard instead: ${instead.join(", ")}`;
  return `expected ${JSON.stringify(step.contains)} within ${step.withinS} s; ${seen}`;
}

async function problem(run: () => Result<unknown> | Promise<Result<unknown> | undefined>): Promise<string | null> {
  const line = (error: GatewayError) => error.summary();
  try {
    const result = await run();
    return result === undefined || result.ok ? null : line(result.error);
  } catch (thrown) {
    return line(asGatewayError(thrown));
  }
}
