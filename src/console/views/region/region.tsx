import type { RegionView } from "../../api/types.ts";
import { Badge, Card, Empty, Facts } from "../../parts/card.tsx";
import { Age, Stranger, words } from "../../parts/format.tsx";
import { useLoaded } from "../../parts/loaded.ts";
import { goneSince } from "../../state/session.ts";
import { now } from "../../state/time.ts";
import type { RegionSite } from "./report.ts";
import { Rollout } from "./rollout.tsx";
import { SiteCard } from "./site.tsx";

const REFRESH_MS = 5_000;
const ORDER: Readonly<Record<RegionSite["state"], number>> = { self: 0, enrolled: 1, waiting: 2, revoked: 3, left: 4 };

/** Every site of the region as this gateway sees it. It only looks, but for rollouts: each site is run from its own console. */
export function Region() {
  const turn = goneSince.value === null ? Math.floor(now.value / REFRESH_MS) : "gone";
  const region = useLoaded<RegionView>("region", turn).value;
  if (region === null) return <Empty>Loading</Empty>;
  if (region.state === "alone") return <Alone />;
  return (
    <div class="region">
      <Whole region={region} />
      {region.state === "enrolled" && <Rollout turn={turn} />}
      <div class="grid sites">
        {[...region.sites].sort(inOrder).map((site) => (
          <SiteCard key={site.id} site={site} />
        ))}
      </div>
    </div>
  );
}

/** What needs somebody first: this site, then those that are away, then by name. */
function inOrder(a: RegionSite, b: RegionSite): number {
  const away = (site: RegionSite) => (site.state === "enrolled" && !site.online ? 0 : 1);
  return ORDER[a.state] - ORDER[b.state] || away(a) - away(b) || a.name.localeCompare(b.name) || a.id.localeCompare(b.id);
}

function Alone() {
  return (
    <Empty>
      This gateway takes part in no region. Several gateways on one MQTT broker can work as one service: see docs/REGION.md, and the key{" "}
      <code>region</code> of the configuration.
    </Empty>
  );
}

const STATES: Readonly<Record<RegionView["state"], string>> = {
  alone: "alone",
  unusable: "cannot be used",
  unjoined: "not joined yet",
  waiting: "waits to be enrolled",
  enrolled: "enrolled",
  revoked: "revoked",
};

function Whole({ region }: { readonly region: RegionView }) {
  const { state, problem, broker, share, troubles, messages, sites } = region;
  const enrolled = sites.filter((site) => site.state === "enrolled" || site.state === "self");
  const refused = Object.values(messages.refused).reduce((sum, count) => sum + count, 0);
  return (
    <Card
      title={`Region ${region.region ?? ""}`}
      aside={<Badge tone={state === "enrolled" ? "good" : state === "waiting" ? "warn" : "bad"}>{STATES[state]}</Badge>}
      wide
    >
      {problem !== null && <p class="problem">{problem}</p>}
      {troubles.map((trouble) => (
        <p key={trouble} class="problem break">
          <Stranger text={trouble} />
        </p>
      ))}
      <Facts
        of={[
          ["This site", region.site ?? "-"],
          ["Online", `${enrolled.filter(({ online }) => online).length} of ${enrolled.length} sites`],
          ["Broker", broker === null ? "-" : <Broker key="broker" broker={broker} />],
          ["Shares", share.length === 0 ? "nothing" : share.map(words).join(", ")],
          ["Messages", `${messages.received} received, ${messages.sent} sent, ${messages.failed} failed, ${refused} refused`],
        ]}
      />
    </Card>
  );
}

function Broker({ broker: { url, state, reason, since } }: { readonly broker: NonNullable<RegionView["broker"]> }) {
  return (
    <span class="break">
      {url} {state === "connected" ? "connected" : words(state)} <Age at={since} />
      {reason !== null && <span class="problem"> {reason}</span>}
    </span>
  );
}
