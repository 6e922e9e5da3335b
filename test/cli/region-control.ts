/** A gateway in a region, in each state that its operator can meet. */
import type { Control, RegionControl, RolloutControl } from "../../src/api/contract/control.ts";
import type { JoinAnswer, RegionView, RolloutView, SiteViewJson } from "../../src/api/contract/region-views.ts";
import { fail, ok } from "../../src/errors.ts";
import { fakeControl, LINK } from "../api/fake-control.ts";

const ID = (digit: string) => digit.repeat(32);

function site(name: string, digit: string, more: Partial<SiteViewJson> = {}): SiteViewJson {
  return {
    id: ID(digit),
    name,
    state: "enrolled",
    online: true,
    heard_at: "2026-01-15T10:59:30.000Z",
    version: "0.1.0",
    report: {},
    ...more,
  };
}

const SITES: readonly SiteViewJson[] = [
  site("north", "a", {
    state: "self",
    report: {
      links: [
        { name: "base", state: "up" },
        { name: "roof", state: "up" },
      ],
      alerts: [],
      plugins: { running: 4 },
      queue: { queued: 0, oldest_s: 0 },
      load: 0.256,
      nodes: 12,
    },
  }),
  site("east", "b", {
    report: {
      links: [
        { name: "base", state: "up" },
        { name: "roof", state: "waiting" },
        { name: "cloud", state: "connecting" },
      ],
      alerts: [1, 2],
      plugins: { failed: 1, backing_off: 2 },
      queue: { queued: 3, oldest_s: 90 },
      load: 1,
      nodes: 0,
    },
  }),
  site("west", "d", { online: false, heard_at: null, version: null, report: { links: "many" } }),
  site("south", "c", { state: "waiting" }),
  site("twins", "e", { state: "waiting", version: null }),
  site("twins", "f", { state: "waiting" }),
  site("old", "0", { state: "revoked", online: false }),
];

const BROKER = { url: "mqtts://broker:8883", state: "connected", reason: null, since: "2026-01-15T09:00:00Z", reconnects: 1 } as const;

function view(state: RegionView["state"], more: Partial<RegionView> = {}): RegionView {
  return {
    state,
    problem: null,
    region: "valley",
    site: "north",
    id: ID("a"),
    share: ["answers"],
    broker: BROKER,
    key_number: 1,
    troubles: [],
    messages: { sent: 1, failed: 0, received: 2, refused: {} },
    sites: [],
    ...more,
  };
}

function region(now: RegionView, did: JoinAnswer["did"], mustRestart = false): RegionControl {
  return {
    view: () => now,
    join(request) {
      const { site: named, invitation, fingerprint } = request;
      if (named !== undefined && named !== ID("c")) return fail("not_found", `no site ${named} waits`);
      if (invitation !== undefined && !/^zgr\d:abc$/i.test(invitation)) return fail("invalid_argument", `no invitation: ${invitation}`);
      if (fingerprint !== undefined && fingerprint !== "CCCC") return fail("conflict", "it has another fingerprint");
      return ok({
        did: named !== undefined ? "enrolled" : invitation !== undefined ? "joined" : did,
        invitation: named === undefined && invitation === undefined ? "zgr1:invitation" : null,
        must_restart: mustRestart,
        region: { ...now, id: ID("a") },
      });
    },
    revoke(name) {
      const found = SITES.find((each) => each.name === name);
      if (found === undefined) return fail("not_found", `there is no site ${name}`);
      return ok({ site: found, orphans: [site("west", "d")], told: false });
    },
    async leave({ purge = false, force = false }) {
      if (now.broker?.state !== "connected" && !force) return fail("unavailable", "the other sites cannot be told");
      return ok({ told: force ? null : 2, purged: purge, region: now });
    },
    nodes: () => [
      { id: "!00000002", long_name: "Two", short_name: "2", site: "east", last_heard: "2026-01-15T10:00:00Z" },
      { id: "!00000002", long_name: "Two", short_name: "2", site: "west", last_heard: "2026-01-15T10:50:00Z" },
      { id: "!0000000f", long_name: "Old name", short_name: null, site: "east", last_heard: "2026-01-14T10:00:00Z" },
      { id: "!0000000f", long_name: "New name", short_name: null, site: "west", last_heard: "2026-01-15T09:00:00Z" },
    ],
  };
}

const away = { ...BROKER, state: "waiting", reason: "connection refused" } as const;

export const REGIONS = {
  alone: region(view("alone", { region: null, site: null, id: null, broker: null }), "founded"),
  unjoined: region(view("unjoined", { id: null, broker: away }), "founded"),
  waiting: region(view("waiting", { broker: { ...away, reason: null } }), "invited"),
  revoked: region(view("revoked", { broker: { ...BROKER, state: "stopped" } }), "invited", true),
  unusable: region(view("unusable", { problem: "its key cannot be read", broker: null }), "invited"),
  enrolled: region(
    view("enrolled", {
      sites: [...SITES],
      troubles: ["another site has this name"],
      messages: { sent: 1, failed: 0, received: 2, refused: { replayed: 3, forged: 0, late: 1 } },
    }),
    "invited",
  ),
} as const;

function rollout(state: RolloutView["state"], more: Partial<RolloutView> = {}): RolloutView {
  return {
    id: "r1",
    way: "out",
    name: "greeter",
    version: "1.2.3",
    state,
    reason: null,
    stage: 1,
    stages: 2,
    started_at: "2026-01-15T10:00:00Z",
    left_out: [],
    sites: [
      { id: ID("b"), name: "east", stage: 1, step: "running", reason: null },
      { id: ID("d"), name: "west", stage: 2, step: "waiting", reason: null },
    ],
    ...more,
  };
}

const HALTED = rollout("halted", {
  reason: "east refused it",
  sites: [{ id: ID("b"), name: "east", stage: 1, step: "refused", reason: "its signer is not trusted" }],
});

function rollouts(last: RolloutView | null, begun: (asked: string) => RolloutView, end = last): RolloutControl {
  let shown = last;
  return {
    async begin(bytes, { stages, waitMs, sites }) {
      shown = end;
      return ok(begun(`asked for ${JSON.stringify({ bytes: bytes.length, stages, waitMs, sites })}`));
    },
    status: () => shown,
    back: () => (last === null ? fail("conflict", "no rollout was begun here") : ok({ ...last, way: "back" })),
    halt: () => (last === null ? fail("conflict", "no rollout is under way") : ok(last)),
  };
}

export const ROLLOUTS = {
  none: rollouts(null, () => rollout("done")),
  halted: rollouts(HALTED, () => HALTED),
  done: rollouts(null, (asked) => rollout("done", { stage: 2, reason: asked, left_out: ["far", "away"] })),
  fails: rollouts(null, (asked) => rollout("halted", { reason: asked })),
} as const;

/** All is well, and much is not there. */
export const QUIET_STATUS: Control["status"] = () => ({
  ...fakeControl().control.status(),
  silence: { silenced: true, since: "2026-01-15T10:30:00.000Z", by: "cli" },
  region: { name: "valley", site: "north", state: "enrolled", broker: "connected", sites: 3, online: 2, troubles: [] },
  links: [
    {
      ...LINK,
      mqttProxy: {
        broker: "mqtt://broker",
        state: "up",
        up: ["a", "b"],
        down: [],
        counters: { up_passed: 5, up_late: 2, up_banned: 1, down_refused: 4 },
      },
    },
    { ...LINK, name: "roof", mqttProxy: { broker: "mqtt://other", state: "down", reason: "refused", up: [], down: [], counters: {} } },
    { ...LINK, name: "mast", mqttProxy: { broker: "mqtt://other", state: "off", up: [], down: [], counters: {} } },
  ],
  plugins: {},
  walls: [],
  alerts: [],
  degraded: [],
});
