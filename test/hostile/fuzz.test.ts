/** Where rooms' own tests do not fuzz already: the conversation of a host, and what folders and requests say. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { encodeFrame } from "../../src/bridge/frame-codec.ts";
import { memoryStreams } from "../../src/bridge/memory-streams.ts";
import { systemClock } from "../../src/clock.ts";
import { parseManifest } from "../../src/manifest/parse.ts";
import { parseEntry, toEntry } from "../../src/permissions/grammar/descriptor.ts";
import { HostSession } from "../../src/sandbox/session.ts";
import { spec, watcher } from "../sandbox/support.ts";

const small = fc.constantFrom(0, 1, 2, 3, -1, 1e20, 0.5);
const json = fc.jsonValue({ maxDepth: 4 });
const error = fc.record({ name: fc.string(), message: fc.string() });
/** Near enough to the protocol that most get past the schema. */
const frame = fc.oneof(
  json,
  fc.record({ t: fc.constant("opened"), realm: small, error: fc.option(error) }),
  fc.record({
    t: fc.constant("result"),
    realm: small,
    call: small,
    outcome: fc.oneof(json, fc.record({ ok: fc.constant(true), value: json, cpuMs: small })),
  }),
  fc.record({
    t: fc.constant("request"),
    realm: small,
    request: small,
    operation: fc.string(),
    args: json,
    token: fc.option(fc.string()),
    call: fc.option(small),
  }),
  fc.record({
    t: fc.constant("log"),
    realm: small,
    level: fc.constantFrom("info", "error", "x"),
    message: fc.string(),
    fields: fc.dictionary(fc.string(), json),
  }),
  fc.record({ t: fc.constantFrom("gone"), realm: small, reason: fc.constantFrom("memory", "closed", "host"), detail: fc.string() }),
  fc.record({ t: fc.constant("done"), task: small, outcome: fc.record({ ok: fc.constant(true), value: json }) }),
  fc.record({
    t: fc.constant("usage"),
    realms: fc.array(fc.record({ realm: small, cpuMs: small, memoryBytes: small, storageBytes: small, timers: small, queueDepth: small })),
  }),
);

test("whatever a host says, the gateway's side neither throws nor waits for ever", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 30 }), async (frames) => {
      const [here, there] = memoryStreams();
      let ends = 0;
      const session = new HostSession({ stream: here, clock: systemClock, onEnd: () => void ends++ });
      session.start();
      there.start(
        () => {},
        () => {},
      );
      const opening = session.open(spec(""), watcher().events);
      const validating = session.validateConfig({}, {});
      for (const one of frames) there.write(encodeFrame(JSON.stringify(one ?? null)));
      await Bun.sleep(0);
      session.abandon();
      there.close();
      const [opened, validated] = await Promise.all([opening, validating]);
      if (opened.ok) expect(await opened.value.call({ kind: "health" }, [], 1000).outcome).toMatchObject({ ok: false, cause: "gone" });
      expect(typeof validated.ok).toBe("boolean");
      expect(ends).toBe(1);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    }),
    { numRuns: 200 },
  );
}, 120_000);

test("whatever a manifest says, it is a manifest or a list of issues with the place", () => {
  const word = fc.constantFrom(
    "name:",
    "version:",
    "permissions:",
    "- ",
    "  ",
    "\n",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!!js",
    "? ",
    ": ",
    "<<: ",
    "|",
    ">",
    '"',
    "'",
    "#",
    "\t",
    "\0",
    "__proto__:",
    "capabilities:",
    "commands:",
    "~",
    "1e999",
    "!!binary",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(fc.oneof(word, fc.string({ maxLength: 6 }))).map((parts) => parts.join("")),
      ),
      (text) => {
        const parsed = parseManifest(text, "manifest.yaml");
        if (parsed.ok) return;
        expect(parsed.error.length).toBeGreaterThan(0);
        for (const issue of parsed.error) expect(issue.file).toBe("manifest.yaml");
      },
    ),
    { numRuns: 500 },
  );
});

test("whatever a plugin asks for, it is a descriptor that reads back as itself, or an issue", () => {
  const name = fc.constantFrom("http_requests", "send_messages", "secrets", "schedule_tasks", "__proto__", "nothing");
  const key = fc.constantFrom("hosts", "methods", "private", "rate", "channels", "names", "min_interval_s", "constructor", "__proto__");
  const value = fc.oneof(json, fc.array(fc.string()), fc.constantFrom("10/min", true, 7, ["*.example.org"], ["EXAMPLE.org:99999"]));
  const entry = fc.oneof(
    json,
    name,
    fc.tuple(name, fc.array(fc.tuple(key, value))).map(([each, scope]) => Object.fromEntries([[each, Object.fromEntries(scope)]])),
  );
  fc.assert(
    fc.property(entry, (asked) => {
      const parsed = parseEntry(asked);
      if (!parsed.ok) return;
      const again = parseEntry(toEntry(parsed.value));
      expect(again).toEqual(parsed);
    }),
    { numRuns: 500 },
  );
});
