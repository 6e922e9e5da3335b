import { expect, test } from "bun:test";
import { BROADCAST } from "../../src/mesh/ids.ts";
import { parseScript, type ScriptStep } from "../../src/mesh/script/parse.ts";
import { runScript, type ScriptOutcome, type ScriptPort } from "../../src/mesh/script/run.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";
import { BareClient } from "./simulated-client.ts";

function parsed(source: string): readonly ScriptStep[] {
  const result = parseScript(source, "demo.yaml");
  if (!result.ok) throw result.error;
  return result.value;
}

function complaints(source: string): string {
  const result = parseScript(source, "demo.yaml");
  return result.ok ? "ok" : result.error.summary();
}

test("reads every kind of step", () => {
  const steps = parsed(`
- { say: hello, from: '!00000002' }
- { say: 73, from: 3, channel: 1, after_s: 0.5 }
- { say: to all, from: 3, to: broadcast }
- expect: "Hello Ridge"
  within_s: 5
  to: '!00000002'
- { wait_s: 2 }
- { fail: { drop: 2 } }
- { fail: { full_queue: 1 } }
- { fail: { silence_s: 1.5 } }
- { fail: resume }
`);
  expect(steps).toEqual([
    { line: 2, kind: "say", say: { from: 2, text: "hello" }, afterS: 0 },
    { line: 3, kind: "say", say: { from: 3, text: "73", channel: 1 }, afterS: 0.5 },
    { line: 4, kind: "say", say: { from: 3, text: "to all", to: BROADCAST }, afterS: 0 },
    { line: 5, kind: "expect", contains: "Hello Ridge", withinS: 5, to: 2 },
    { line: 8, kind: "wait", s: 2 },
    { line: 9, kind: "fail", fault: { kind: "drop", count: 2 } },
    { line: 10, kind: "fail", fault: { kind: "queue_status", res: 32, count: 1 } },
    { line: 11, kind: "fail", fault: { kind: "silence", ms: 1500 } },
    { line: 12, kind: "fail", fault: { kind: "resume" } },
  ]);
});

test("names every mistake with its line, all at once", () => {
  const lines = complaints(`- { say: hello }
- { say: hello, from: ridge }
- { shout: hello }
- { expect: hi, within: 3 }
- { wait_s: soon }
- { fail: { explode: 1 } }
- hello
- { say: x, from: 2, channel: 9 }
`).split("\n");
  const starts = [
    "demo.yaml:1: say needs from",
    "demo.yaml:2: from must be a node: '!00000002' (in quotes)",
    "demo.yaml:3: a step needs one of say, expect, wait_s, fail",
    "demo.yaml:4: expect has no key within; known: expect, within_s, to",
    "demo.yaml:5: wait_s must be a number from 0 to 3600",
    "demo.yaml:6: fail must be one of drop",
    "demo.yaml:7: a step must be a map",
    "demo.yaml:8: channel must be a number from 0 to 7",
  ];
  expect(lines).toHaveLength(starts.length);
  for (const [at, start] of starts.entries()) expect(lines[at]).toStartWith(start);
  expect(complaints("say: hello")).toStartWith("demo.yaml:1: the script is not a list of steps (write");
  expect(complaints("- { say: [")).toStartWith("demo.yaml:1: ");
  expect(complaints("- !foo bar")).toStartWith("demo.yaml:1: ");
  expect(complaints("- &a [*a, *a]")).toStartWith("demo.yaml:1: a step must be a map");
});

/** A mesh with a client that answers every direct text with `echo: ...`. */
function echoing() {
  const clock = new FakeClock();
  const mesh = new SimulatedMesh({ nodes: 3, clock, random: fakeRandom(3) });
  const client = new BareClient(mesh);
  client.say({ case: "wantConfigId", value: 1 });
  clock.pass(10);
  let id = 1;
  let answered = 0;
  const port: ScriptPort = { say: (request) => mesh.say(request), onHeard: (run) => mesh.onHeard(run), fail: (fault) => mesh.fail(fault) };
  const play = async (source: string) => {
    const printed: string[] = [];
    let outcome: ScriptOutcome | undefined;
    const run = runScript(parsed(source), port, { clock, name: "demo.yaml", print: (line) => void printed.push(line) });
    void run.then((result) => {
      outcome = result;
    });
    for (let i = 0; i < 400 && outcome === undefined; i++) {
      await clock.advance(100);
      const texts = client.texts();
      for (; answered < texts.length; answered++) {
        const [from, text] = texts[answered] ?? [0, ""];
        client.text({ id: id++, from: 1, to: from, text: `echo: ${text}` });
      }
    }
    return { outcome, printed };
  };
  return { play };
}

test("runs: says, expects, waits, and prints what happens", async () => {
  const { play } = echoing();
  const { outcome, printed } = await play(`
- { say: one, from: 2 }
- { expect: "echo: one", within_s: 5, to: 2 }
- { wait_s: 2.5 }
- { say: two, from: 3, after_s: 1 }
- { expect: two, within_s: 5 }
`);
  expect(outcome).toEqual({ ok: true, steps: 5 });
  expect(printed).toEqual(["!00000002: one", "  gateway to !00000002: echo: one", "!00000003: two", "  gateway to !00000003: echo: two"]);
});

test("a step that does not come true ends the run with its line, what was expected and what was heard", async () => {
  const first = await echoing().play(`
- { say: one, from: 2 }
- { expect: three, within_s: 3 }
- { say: never, from: 2 }
`);
  const message = 'demo.yaml:3: expected "three" within 3 s; heard instead: "echo: one"';
  expect(first.outcome).toEqual({ ok: false, line: 3, message });
  expect(first.printed).not.toContain("!00000002: never");
  const second = await echoing().play("- { fail: { drop: 1 } }\n- { say: lost, from: 2 }\n- { expect: lost, within_s: 3 }");
  expect(second.outcome).toMatchObject({ ok: false, line: 3 });
  const third = await echoing().play("- { say: x, from: 1 }");
  expect(third.outcome).toMatchObject({ ok: false, line: 1 });
  expect(third.outcome?.ok === false && third.outcome.message).toContain("no simulated node can send as !00000001");
});

test("each text meets one expectation", async () => {
  const { outcome } = await echoing().play("- { say: one, from: 2 }\n- { expect: one, within_s: 3 }\n- { expect: one, within_s: 3 }");
  expect(outcome).toMatchObject({ ok: false, line: 3 });
});
