import { Badge, Card, Empty, Facts } from "../../parts/card.tsx";
import { Age, size, span, words } from "../../parts/format.tsx";
import { addressOf } from "../../state/address.ts";
import { isWaiting, nodes, plugins, status, waitingPlugins } from "../../state/facts.ts";
import { now } from "../../state/time.ts";
import { isTroubled } from "../plugins/state.tsx";
import { Alerts } from "./alerts.tsx";
import { Links } from "./links.tsx";
import { Traffic } from "./traffic.tsx";

export function Overview() {
  if (status.value === null) return <Empty>Loading</Empty>;
  return (
    <div class="grid">
      <Alerts />
      <Figures />
      <Links />
      <Traffic />
      <PluginStates />
      <Walls />
    </div>
  );
}

/** The gateway in five numbers. */
function Figures() {
  const known = status.value;
  if (known === null) return null;
  const hour = now.value - 3_600_000;
  const heard = [...nodes.value.values()].filter((node) => !node.is_own && Date.parse(node.last_heard ?? "") > hour).length;
  const { outbox, disk } = known;
  const waits = outbox.oldest_queued_s === null ? "none waits" : `oldest ${span(outbox.oldest_queued_s)}`;
  const figures: readonly (readonly [string, string, string, string])[] = [
    ["Nodes heard", String(heard), `in the last hour, of ${nodes.value.size}`, addressOf("nodes")],
    ["To be sent", String(outbox.queued), waits, addressOf("messages")],
    ["Delivered", String(outbox.delivered), `${outbox.failed} failed, since the start`, addressOf("messages")],
    ["Airtime", `${outbox.airtime.total_s.toFixed(1)} s`, "of texts, in the last hour", addressOf("plugins")],
    ["Disk", size(disk.free_bytes), disk.state === "ok" ? "free" : words(disk.state), addressOf("settings")],
    ["Up", span(known.uptime_s), `version ${known.version}`, addressOf("settings")],
  ];
  return (
    <ul class="figures" aria-label="Figures">
      {figures.map(([name, value, more, href]) => (
        <li key={name}>
          <a href={href}>
            <span class="figure-name">{name}</span>
            <span class="figure-value">{value}</span>
            <span class="hint">{more}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function PluginStates() {
  const list = plugins.value ?? [];
  // One that is off because nobody wanted it needs nobody.
  const troubled = list.filter((plugin) => isTroubled(plugin) || isWaiting(plugin));
  const running = list.filter((plugin) => plugin.state === "running").length;
  return (
    <Card title="Plugins" aside={<a href={addressOf("plugins")}>All plugins</a>}>
      <p>
        {running} of {list.length} running
        {waitingPlugins.value.length > 0 && `, ${waitingPlugins.value.length} waiting for you`}
      </p>
      <ul class="lines">
        {troubled.slice(0, 6).map(({ name, state, since, reason }) => (
          <li key={name}>
            <a href={addressOf("plugins", name)}>{name}</a> <Badge tone={state === "failed" ? "bad" : "warn"}>{words(state)}</Badge>{" "}
            <span class="hint">
              <Age at={since} />
              {reason ? `: ${reason}` : ""}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Walls() {
  const walls = status.value?.walls ?? [];
  const missing = walls.filter((wall) => !wall.stands).length;
  const tone = walls.length === 0 || missing > 0 ? "warn" : "good";
  return (
    <Card
      title="Walls around plugins"
      aside={<Badge tone={tone}>{walls.length === 0 ? "no plugin host runs" : missing === 0 ? "all hold" : `${missing} missing`}</Badge>}
    >
      <Facts
        of={walls.map(({ wall, stands, detail }) => [
          words(wall),
          <span key={wall} title={detail}>
            <Badge tone={stands ? "good" : "bad"}>{stands ? "holds" : "missing"}</Badge>
          </span>,
        ])}
      />
    </Card>
  );
}
