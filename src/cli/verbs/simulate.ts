import * as v from "valibot";
import { messageView } from "../../api/contract/mesh-views.ts";
import { systemClock } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { BROADCAST, parseNodeId } from "../../mesh/ids.ts";
import { runScript, type ScriptPort } from "../../mesh/script/run.ts";
import type { Client } from "../client/client.ts";
import { json, line, note } from "../verb/output.ts";
import { readScript } from "../verb/script.ts";
import { type Call, done, misuse, textFlag, type Verb } from "../verb/verb.ts";
import { playVirtual } from "./simulate-virtual.ts";

const FIRST_ANSWER_S = 10;
const QUIET_S = 5;
/** After the handler has returned and all it said was sent; what it sends later by itself needs --wait. */
const COMPLETE_S = 0.5;
const taken = v.object({ packet_id: v.number() });
const heard = v.object({ packet_id: v.number(), correlation_id: v.string() });
const processed = v.object({ correlation_id: v.string(), outcome: v.string() });

export const simulateVerbs: readonly Verb[] = [
  {
    name: "simulate say",
    summary: "send a text to the gateway as a simulated node, and print the answers",
    args: [{ name: "TEXT", about: "the text" }],
    flags: {
      from: { about: "the simulated node that sends it, such as '!00000002'", value: "NODE", required: true },
      to: { about: "a direct message to this node; the gateway's own number is in `status`", value: "NODE" },
      channel: { about: "the channel's index, 0 to 7", value: "C" },
      wait: { about: "seconds to wait for the first answer, and after the last", value: "S" },
    },
    run: say,
  },
  {
    name: "simulate run",
    summary: "play a script on the gateway's simulated mesh; with plugin folders, on a gateway of its own in which hours pass at once",
    args: [
      { name: "FILE", about: "the script", values: "file" },
      { name: "PLUGIN_DIR", about: "plugins to load in a gateway of the script's own", optional: true, many: true, values: "folder" },
    ],
    run: ({ args, ...call }) => (args.length > 1 ? playVirtual({ args, ...call }) : play({ args, ...call })),
  },
];

/**
 * The answers are the messages with our packet's correlation id. The event stream is opened first; it
 * ends some seconds after the last answer, or after the wait for the first one.
 */
async function say(call: Call): Promise<Result<number>> {
  const { flags } = call;
  const channel = textFlag(flags, "channel");
  if (channel !== undefined && !/^[0-7]$/.test(channel)) return misuse("--channel must be an index from 0 to 7");
  const wait = textFlag(flags, "wait");
  if (wait !== undefined && !/^\d{1,5}(\.\d{1,3})?$/.test(wait)) return misuse("--wait must be a number of seconds");
  const gateway = await call.client();
  if (!gateway.ok) return gateway;
  const end = new AbortController();
  const stream = await gateway.value.events("types=message_received,message_processed,message_status", end.signal);
  if (!stream.ok) return stream;
  const timer = new Deadline(end, Number(wait ?? FIRST_ANSWER_S));
  try {
    const body = {
      from: textFlag(flags, "from"),
      text: call.args[0],
      to: textFlag(flags, "to"),
      channel: channel === undefined ? undefined : Number(channel),
    };
    const said = await gateway.value.call("POST", "/api/v1/simulate/messages", taken, body);
    if (!said.ok) return said;
    const answers = new Answers(call, said.value.packet_id, (isComplete) =>
      timer.again(Number(wait ?? (isComplete ? COMPLETE_S : QUIET_S))),
    );
    for await (const event of stream.value) answers.take(event);
    if (answers.count > 0) return done;
    note(call.io, "no answer arrived");
    return ok(1);
  } finally {
    timer.clear();
    end.abort();
  }
}

type SentView = v.InferOutput<typeof messageView>;

/** Prints each answer to one packet once. */
class Answers {
  #correlation: string | null = null;
  readonly #printed = new Set<string>();
  /** Messages sent before our packet's correlation id is known are checked again once it is known. */
  readonly #early: SentView[] = [];
  /** Answers that wait to be sent. */
  readonly #queued = new Set<string>();
  #isHandled = false;

  constructor(
    private readonly call: Pick<Call, "io" | "flags">,
    private readonly packetId: number,
    private readonly answered: (isComplete: boolean) => void,
  ) {}

  get count(): number {
    return this.#printed.size;
  }

  take({ name, data }: { readonly name: string; readonly data: unknown }): void {
    if (name === "message_received") this.#received(v.safeParse(heard, data));
    if (name === "message_status") this.#sent(v.safeParse(messageView, data));
    if (name === "message_processed") this.#handled(v.safeParse(processed, data));
  }

  #received(read: v.SafeParseResult<typeof heard>): void {
    if (!read.success || read.output.packet_id !== this.packetId) return;
    this.#correlation = read.output.correlation_id;
    for (const message of this.#early.splice(0)) this.#print(message);
  }

  #sent(read: v.SafeParseResult<typeof messageView>): void {
    if (!read.success) return;
    if (this.#correlation === null) this.#early.push(read.output);
    else this.#print(read.output);
  }

  #handled(read: v.SafeParseResult<typeof processed>): void {
    if (!read.success || read.output.correlation_id !== this.#correlation) return;
    if (read.output.outcome === "unhandled") note(this.call.io, "no plugin answers this");
    this.#isHandled = true;
    this.#tell();
  }

  #print(message: SentView): void {
    const { io, flags } = this.call;
    if (message.correlation_id !== this.#correlation || this.#printed.has(message.id)) return;
    if (message.state === "queued") {
      this.#queued.add(message.id);
      return;
    }
    this.#queued.delete(message.id);
    this.#printed.add(message.id);
    if (message.state === "failed") note(io, `an answer could not be sent: ${message.reason ?? "unknown"}`);
    if (flags.json === true) json(io, message);
    else for (const part of message.text.split("\n")) line(io, part);
    this.#tell();
  }

  #tell(): void {
    if (this.#isHandled || this.count > 0) this.answered(this.#isHandled && this.#queued.size === 0);
  }
}

/** Ends the wait after a time without an answer. */
class Deadline {
  #timer: ReturnType<typeof setTimeout>;

  constructor(
    private readonly end: AbortController,
    seconds: number,
  ) {
    this.#timer = setTimeout(() => end.abort(), seconds * 1000);
  }

  again(seconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.end.abort(), seconds * 1000);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

async function play({ io, args, client }: Call): Promise<Result<number>> {
  const read = readScript(io.cwd, args[0] ?? "");
  if (!read.ok) return read;
  const { name, steps } = read.value;
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const end = new AbortController();
  io.signal?.addEventListener("abort", () => end.abort(), { once: true });
  const port = await scriptPort(gateway.value, end.signal);
  if (!port.ok) return port;
  try {
    const outcome = await runScript(steps, port.value, {
      clock: systemClock,
      name,
      print: (text) => line(io, text),
      signal: end.signal,
    });
    if (!outcome.ok) return fail("conflict", outcome.message);
    note(io, `${name}: all ${outcome.steps} steps passed`);
    return done;
  } finally {
    end.abort();
  }
}

/** Runs a script over the control API: each message that the gateway reports as sent counts as received once. */
async function scriptPort(client: Client, signal: AbortSignal): Promise<Result<ScriptPort>> {
  const stream = await client.events("types=message_status", signal);
  if (!stream.ok) return stream;
  const listeners = new Set<Parameters<ScriptPort["onHeard"]>[0]>();
  const reported = new Set<string>();
  const listen = async () => {
    for await (const event of stream.value) {
      const message = v.safeParse(messageView, event.data);
      if (!message.success || message.output.state === "queued" || message.output.state === "failed") continue;
      if (reported.has(message.output.id)) continue;
      reported.add(message.output.id);
      const to = parseNodeId(message.output.to) ?? BROADCAST;
      for (const listener of [...listeners]) listener({ to, text: message.output.text });
    }
  };
  // When the stream ends early or fails, the script's expectations fail and are reported.
  listen().catch(() => undefined);
  return ok({
    async say({ from, to, text, channel }) {
      const body = { from, to, text, channel };
      const said = await client.call("POST", "/api/v1/simulate/messages", taken, body);
      return said.ok ? ok(said.value.packet_id) : said;
    },
    onHeard(listener) {
      listeners.add(listener);
      return { dispose: () => void listeners.delete(listener) };
    },
    async fail(fault) {
      const failed = await client.call("POST", "/api/v1/simulate/faults", v.undefined(), fault);
      if (!failed.ok) throw failed.error;
    },
  });
}
