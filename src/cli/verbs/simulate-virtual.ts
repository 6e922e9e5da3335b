import { resolve } from "node:path";
import type { Clock, Timer } from "../../clock.ts";
import { asGatewayError, fail, type Result } from "../../errors.ts";
import { runScript } from "../../mesh/script/run.ts";
import { startTestGateway, type TestGateway } from "../../testing/test-gateway.ts";
import { line, note } from "../verb/output.ts";
import { readScript } from "../verb/script.ts";
import { type Call, done } from "../verb/verb.ts";

/** The longest and the shortest step of the virtual clock, s. */
const STEP_MAX_S = 1;
const STEP_MIN_S = 0.01;

/** Plays a script on a gateway of its own, whose clock goes as fast as the machine can: one second of the script takes milliseconds. */
export async function playVirtual({ io, args }: Call): Promise<Result<number>> {
  const [file = "", ...folders] = args;
  const read = readScript(io.cwd, file);
  if (!read.ok) return read;
  const { name, steps } = read.value;
  let gateway: TestGateway;
  try {
    gateway = await startTestGateway({ plugin: folders.map((folder) => resolve(io.cwd, folder)), nodes: ["Ridge", "Harbour", "Summit"] });
  } catch (thrown) {
    return { ok: false, error: asGatewayError(thrown) };
  }
  const clock = new DrivenClock(gateway);
  try {
    const { mesh } = gateway;
    const port = {
      say: mesh.say.bind(mesh),
      onHeard: mesh.onHeard.bind(mesh),
      fail: mesh.fail.bind(mesh),
    };
    const playing = runScript(steps, port, {
      clock,
      name,
      print: (text) => line(io, text),
      ...(io.signal === undefined ? {} : { signal: io.signal }),
    });
    const outcome = await clock.drive(playing);
    if (!outcome.ok) return fail("conflict", outcome.message);
    note(io, `${name}: all ${outcome.steps} steps passed, in ${Math.round(clock.monotonic() / 1000)} s of virtual time`);
    return done;
  } finally {
    await gateway.close();
  }
}

/** The script's clock: it follows the gateway's virtual one, which is moved on for as long as the script runs. */
class DrivenClock implements Clock {
  readonly #startedAt: number;
  readonly #due = new Set<{ readonly at: number; readonly run: () => void }>();

  constructor(private readonly gateway: Pick<TestGateway, "now" | "advance" | "quiet">) {
    this.#startedAt = gateway.now.getTime();
  }

  now(): number {
    return this.gateway.now.getTime();
  }

  monotonic(): number {
    return this.now() - this.#startedAt;
  }

  after(ms: number, run: () => void): Timer {
    const due = { at: this.monotonic() + ms, run };
    this.#due.add(due);
    return { cancel: () => void this.#due.delete(due) };
  }

  async drive<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const ended = work.finally(() => {
      isOver = true;
    });
    for (;;) {
      await this.gateway.quiet();
      if (isOver) return ended;
      const next = Math.min(...[...this.#due].map(({ at }) => at), Number.POSITIVE_INFINITY);
      const seconds = (next - this.monotonic()) / 1000;
      await this.gateway.advance({ seconds: Math.min(Math.max(seconds, STEP_MIN_S), STEP_MAX_S) });
      this.#fire();
    }
  }

  #fire(): void {
    const now = this.monotonic();
    for (const due of [...this.#due]) {
      if (due.at > now || !this.#due.delete(due)) continue;
      due.run();
    }
  }
}
