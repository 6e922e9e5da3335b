/** Which site answers: in any order of arrival exactly one, as long as messages come in time. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Json } from "../../src/json.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { NodeNumber } from "../../src/mesh/ids.ts";
import { AnswerClaims, type ClaimOutcome, WINDOW_MS } from "../../src/region/answers/claims.ts";
import { FakeClock } from "../fake-clock.ts";
import { MemoryRegion, siteIdOf } from "./memory-sites.ts";

const NAMES = ["north", "south", "west", "east", "hill"];
const TEXT = { from: 2, packetId: 77 };

class Sites {
  readonly clock = new FakeClock();
  readonly region: MemoryRegion;
  readonly #claims = new Map<string, AnswerClaims>();
  readonly outcomes = new Map<string, ClaimOutcome | null>();
  silenced = "";

  constructor(names: readonly string[]) {
    this.region = new MemoryRegion(names, this.clock);
    for (const [at, name] of names.entries()) {
      const ownNodes = (): NodeNumber[] => [101 + at];
      const mayAnswer = () => this.silenced !== name;
      const claims = new AnswerClaims({ clock: this.clock, log: silentLogger, messages: this.region.site(name), ownNodes, mayAnswer });
      claims.start();
      this.#claims.set(name, claims);
    }
  }

  of(name: string): AnswerClaims {
    const claims = this.#claims.get(name);
    if (claims === undefined) throw new Error(`no site ${name}`);
    return claims;
  }

  /** The site hears the text. */
  hears(name: string, reception: { readonly hopsAway?: number; readonly snr?: number } = {}, text = TEXT): void {
    const claimed = this.of(name).claim({ ...text, ...reception });
    if (claimed === null) this.outcomes.set(name, null);
    else void claimed.then((outcome) => this.outcomes.set(name, outcome));
  }

  kinds(): Record<string, string> {
    return Object.fromEntries([...this.outcomes].map(([name, outcome]) => [name, outcome?.kind ?? "alone"]));
  }

  winners(): string[] {
    return [...this.outcomes].flatMap(([name, outcome]) => (outcome?.kind === "ours" ? [name] : []));
  }

  stop(): void {
    for (const claims of this.#claims.values()) claims.stop();
  }
}

const aSite = fc.record({
  hopsAway: fc.option(fc.nat(7), { nil: undefined }),
  snr: fc.option(fc.integer({ min: -20, max: 12 }), { nil: undefined }),
  /** When it hears the text: most at once, some over relays. */
  at: fc.oneof(fc.nat(50), fc.nat(WINDOW_MS * 2), fc.nat(10_000)),
});

const asSeen = ({ hopsAway, snr }: { hopsAway: number | undefined; snr: number | undefined }) => ({
  ...(hopsAway === undefined ? {} : { hopsAway }),
  ...(snr === undefined ? {} : { snr }),
});

test("exactly one site answers, whenever each hears it and in whatever order the claims come", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(aSite, { minLength: 2, maxLength: 5 }),
      fc.nat(WINDOW_MS / 2 - 20),
      fc.nat(0xffff),
      async (heard, delayMs, packet) => {
        const names = NAMES.slice(0, heard.length);
        const sites = new Sites(names);
        // Each message takes up to `delayMs`, so they overtake each other.
        sites.region.everywhere({ delayMs: 0, jitterMs: delayMs });
        const text = { from: 2, packetId: packet + 1 };
        for (const [at, each] of heard.entries()) sites.clock.after(each.at, () => sites.hears(names[at] ?? "", asSeen(each), text));
        await sites.clock.advance(20_000);
        expect(sites.outcomes.size).toBe(names.length);
        expect(sites.winners()).toHaveLength(1);
        const [winner = ""] = sites.winners();
        for (const [name, outcome] of sites.outcomes)
          if (name !== winner) expect(outcome).toEqual({ kind: "theirs", site: winner as never });
        sites.stop();
      },
    ),
    { numRuns: 150 },
  );
}, 60_000);

test("whatever is lost on the way, somebody answers", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(aSite, { minLength: 2, maxLength: 4 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (heard, dropChance) => {
        const names = NAMES.slice(0, heard.length);
        const sites = new Sites(names);
        sites.region.everywhere({ jitterMs: 100, dropChance, doubleChance: 0.2 });
        for (const [at, each] of heard.entries()) sites.clock.after(each.at, () => sites.hears(names[at] ?? "", asSeen(each)));
        await sites.clock.advance(20_000);
        const kinds = Object.values(sites.kinds());
        expect(kinds).toHaveLength(names.length);
        expect(kinds.some((kind) => kind === "ours" || kind === "undecided")).toBe(true);
        sites.stop();
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

describe("who it is", () => {
  test("the site with the fewest hops, then the better signal; of equal ones not always the same", async () => {
    const sites = new Sites(["north", "south", "west"]);
    sites.hears("north", { hopsAway: 1, snr: 12 });
    sites.hears("south", { hopsAway: 0, snr: -9 });
    sites.hears("west", { hopsAway: 0, snr: 3 });
    await sites.clock.advance(WINDOW_MS * 2);
    expect(sites.kinds()).toEqual({ west: "ours", north: "theirs", south: "theirs" });
    const won = new Set<string>();
    for (let packetId = 1; packetId < 30; packetId++) {
      sites.outcomes.clear();
      for (const name of ["north", "south", "west"]) sites.hears(name, { hopsAway: 0, snr: 5 }, { from: 2, packetId });
      await sites.clock.advance(WINDOW_MS * 2);
      for (const name of sites.winners()) won.add(name);
    }
    expect([...won].sort()).toEqual(["north", "south", "west"]);
  });

  test("one that hears it over relays, seconds later, learns at once who has answered, however well it heard it", async () => {
    const sites = new Sites(["north", "south"]);
    sites.hears("north", { hopsAway: 3 });
    await sites.clock.advance(5_000);
    sites.hears("south", { hopsAway: 0, snr: 10 });
    await sites.clock.advance(0);
    expect(sites.outcomes.get("south")).toEqual({ kind: "theirs", site: "north" as never });
  });

  test("two texts, and two senders with one packet id, are different ones", async () => {
    const sites = new Sites(["north", "south"]);
    const claims = [TEXT, { from: 3, packetId: 77 }, { from: 2, packetId: 78 }].map((text) => sites.of("north").claim(text));
    await sites.clock.advance(WINDOW_MS * 2);
    expect(await Promise.all(claims)).toEqual([{ kind: "ours" }, { kind: "ours" }, { kind: "ours" }]);
  });

  test("a text that the same site hears on two links is claimed once", async () => {
    const sites = new Sites(["north", "south"]);
    const [first, second] = [sites.of("north").claim(TEXT), sites.of("north").claim(TEXT)];
    await sites.clock.advance(WINDOW_MS * 2);
    expect([await first, await second, await sites.of("north").claim(TEXT)]).toEqual(Array(3).fill({ kind: "ours" }));
    expect(sites.of("north").counts.ours).toBe(1);
  });
});

describe("alone, and without the others", () => {
  test("nobody is asked, and nothing is waited for, without another site that is online", () => {
    const sites = new Sites(["north", "south"]);
    sites.region.setConnected("south", false);
    expect(sites.of("north").claim(TEXT)).toBeNull();
    sites.region.setConnected("south", true);
    sites.region.setConnected("north", false);
    expect(sites.of("north").claim(TEXT)).toBeNull();
    sites.region.setConnected("north", true);
    for (const state of ["waiting", "revoked"] as const) {
      sites.region.setState("south", state);
      expect(sites.of("north").claim(TEXT)).toBeNull();
    }
    expect(new Sites(["north"]).of("north").claim(TEXT)).toBeNull();
  });

  test("a site that may not send leaves the answer to the others", async () => {
    const sites = new Sites(["north", "south"]);
    sites.silenced = "north";
    sites.hears("north", { hopsAway: 0 });
    sites.hears("south", { hopsAway: 5 });
    await sites.clock.advance(WINDOW_MS * 2);
    expect(sites.kinds()).toEqual({ north: "alone", south: "ours" });
  });

  test("the broker goes while a claim is open: the rule without a broker decides", async () => {
    const sites = new Sites(["north", "south"]);
    sites.hears("north");
    sites.region.setConnected("north", false);
    await sites.clock.advance(WINDOW_MS * 2);
    expect(sites.kinds()).toEqual({ north: "undecided" });
  });

  test("a better site that does not keep its word is not waited for for ever", async () => {
    const sites = new Sites(["north", "south"]);
    sites.region.site("north").take({
      from: siteIdOf("south"),
      topic: "answers",
      body: { kind: "claim", from: 2, packet: 77, hops: 0, snr: 127 },
      sentAt: 0,
    });
    sites.hears("north");
    await sites.clock.advance(WINDOW_MS * 2);
    expect(sites.outcomes.size).toBe(0);
    await sites.clock.advance(WINDOW_MS * 2);
    expect(sites.kinds()).toEqual({ north: "undecided" });
  });

  test("sites tell each other under which nodes they answer, also those that come later", async () => {
    const sites = new Sites(["north", "south"]);
    await sites.clock.advance(10);
    expect(sites.of("north").peers()).toEqual([{ node: 102, isOnline: true }]);
    sites.region.setConnected("south", false);
    expect(sites.of("north").peers()).toEqual([{ node: 102, isOnline: false }]);
    sites.region.setState("south", "revoked");
    expect(sites.of("north").peers()).toEqual([]);
  });
});

describe("a hostile site", () => {
  const say = (sites: Sites, body: Json, from = siteIdOf("south")) =>
    sites.region.site("north").take({ from, topic: "answers", body, sentAt: 0 });

  test("what is no message of claims is refused and counted", async () => {
    const sites = new Sites(["north", "south"]);
    const { counts } = sites.of("north");
    const wrong: Json[] = [
      null,
      [],
      "claim",
      { kind: "claim" },
      { kind: "claim", from: 0, packet: 1, hops: 0, snr: 0 },
      { kind: "claim", from: 2, packet: 77, hops: -1, snr: 0 },
      { kind: "claim", from: 2, packet: 77, hops: 0, snr: 1e9 },
      { kind: "claim", from: 2, packet: 77, hops: 0, snr: 0, more: 1 },
      { kind: "taken", from: 2 ** 33, packet: 1 },
      { kind: "nodes", nodes: Array(17).fill(1) },
      { kind: "nodes", nodes: ["!00000001"] },
    ];
    for (const body of wrong) say(sites, body);
    expect(counts.refused).toBe(wrong.length);
    sites.hears("north");
    await sites.clock.advance(WINDOW_MS * 2);
    expect(sites.kinds()).toEqual({ north: "ours" });
  });

  test("a site that waits or is revoked decides nothing", async () => {
    const sites = new Sites(["north", "south", "west"]);
    sites.region.setState("south", "revoked");
    say(sites, { kind: "taken", from: 2, packet: 77 });
    say(sites, { kind: "taken", from: 2, packet: 77 }, siteIdOf("nobody"));
    sites.hears("north");
    await sites.clock.advance(WINDOW_MS * 2);
    expect(sites.kinds()).toEqual({ north: "ours" });
  });

  test("better and better claims do not put an answer off", async () => {
    const sites = new Sites(["north", "south"]);
    sites.hears("north", { hopsAway: 7 });
    for (let n = 0; n < 40; n++) {
      say(sites, { kind: "claim", from: 2, packet: 77, hops: 0, snr: n });
      await sites.clock.advance(100);
    }
    expect(sites.kinds()).toEqual({ north: "undecided" });
  });

  test("a flood is bounded: what is remembered, and what is heard of one site", async () => {
    const sites = new Sites(["north", "south", "west"]);
    for (let n = 1; n < 50_000; n++) say(sites, { kind: "taken", from: 9, packet: n });
    expect(sites.of("north").counts.refused).toBeGreaterThan(49_000);
    say(sites, { kind: "taken", from: 2, packet: 77 }, siteIdOf("west"));
    sites.hears("north");
    await sites.clock.advance(0);
    expect(sites.outcomes.get("north")).toEqual({ kind: "theirs", site: "west" as never });
  });
});
