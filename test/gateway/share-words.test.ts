/** Each word of `region.share` switches one thing, and nothing else. */
import { describe, expect, test } from "bun:test";
import { EventBus } from "../../src/bus.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import type { GatewayContext } from "../../src/gateway/context/context.ts";
import { makeSharing } from "../../src/gateway/region/sharing.ts";
import { makeClaims } from "../../src/gateway/routing/claims.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { SharedKind } from "../../src/region/ports.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";
import { freePort, Gateway } from "./harness.ts";

/** The type makes a new word a missing key here. */
const WORDS: Readonly<Record<SharedKind, true>> = { answers: true, bbs: true, sos: true, nodes: true, alerts: true };
const ALL = Object.keys(WORDS) as SharedKind[];

/** What is wanted of the other sites when only these are shared: the topics that are heard, and the kinds of records. */
async function heardWith(share: readonly SharedKind[]): Promise<string[]> {
  const heard: string[] = [];
  const subscription = { dispose: () => undefined };
  const context = {
    bus: new EventBus<CoreEvents>(() => undefined),
    clock: new FakeClock(),
    random: fakeRandom(),
    life: { add: () => undefined },
    log: { logger: silentLogger },
    config: () => ({ region: { share } }),
  } as unknown as GatewayContext;
  const hear = (what: string) => {
    heard.push(what);
    return subscription;
  };
  const messages = {
    self: "a".repeat(32),
    sites: () => [],
    connected: () => true,
    send: () => ({ ok: true, value: undefined }),
    onMessage: hear,
    onChange: () => subscription,
  };
  const records = { onRecord: hear, read: () => [] };
  const joined = { messages, records } as never;
  const storage = { database: { write: () => undefined, sqlite: { query: () => ({ get: () => null, all: () => [] }) } } } as never;
  const sharing = await makeSharing(context, { storage, nodes: () => [], joined });
  sharing.hearCalls({} as never);
  sharing.start();
  makeClaims(context, joined, { names: { links: () => [] }, silence: { isOn: false } } as never);
  return [...new Set(heard)].sort();
}

describe("region.share", () => {
  test("with a word less, one thing less is heard of the others, and the rest stays", async () => {
    const all = await heardWith(ALL);
    expect(all.length).toBeGreaterThan(3);
    expect(await heardWith([])).toEqual([]);
    // Boards and mail are the plugin's own matter: below.
    const counted = { answers: /^(?:answer|claim)/, sos: /^sos$/, nodes: /^nodes$/, alerts: /^alerts$/ } as const;
    for (const [word, own] of Object.entries(counted)) {
      const without = await heardWith(ALL.filter((each) => each !== word));
      expect([word, without]).toEqual([word, all.filter((each) => !own.test(each))]);
      expect(without.length).toBeLessThan(all.length);
    }
  });

  test("bbs and emergency keep to themselves where their word is missing, and only they", async () => {
    const region = (share: string) => `region: { url: "mqtt://127.0.0.1:${freePort()}", name: valley, site: north, share: ${share} }\n`;
    const denied = async (share: string) => {
      const gateway = await Gateway.start({ config: region(share) });
      try {
        const found: string[] = [];
        for (const plugin of ["bbs", "bot", "emergency"]) {
          const { body } = await gateway.api<{ denied: unknown[] }>("GET", `/plugins/${plugin}/permissions`);
          if (JSON.stringify(body.denied).includes("region")) found.push(plugin);
        }
        return found;
      } finally {
        await gateway.stop();
      }
    };
    const [neither, sos, bbs] = await Promise.all([denied("[answers]"), denied("[sos]"), denied("[bbs]")]);
    expect({ neither, sos, bbs }).toEqual({ neither: ["bbs", "emergency"], sos: ["bbs"], bbs: ["emergency"] });
  }, 120_000);
});
