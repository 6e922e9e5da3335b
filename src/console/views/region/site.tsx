import { Badge, Card, Facts, type Tone } from "../../parts/card.tsx";
import { Age, Stranger, span, words } from "../../parts/format.tsx";
import { type RegionSite, readReport, type SiteAlert, type SiteLink, type SiteReport } from "./report.ts";

const STATES: Readonly<Record<RegionSite["state"], readonly [tone: Tone, word: string]>> = {
  self: ["info", "this site"],
  enrolled: ["plain", "enrolled"],
  waiting: ["warn", "waits to be enrolled"],
  revoked: ["bad", "revoked"],
  left: ["plain", "left the region"],
};

/** One site as it was heard last. */
export function SiteCard({ site }: { readonly site: RegionSite }) {
  const { id, name, state, online, heard_at, version } = site;
  const report = readReport(site.report);
  const isHere = state === "self";
  return (
    <Card title={name} aside={<Presence site={site} />}>
      <div data-site={name}>
        {!online && !isHere && (
          <p class={state === "enrolled" ? "problem" : "hint"}>
            Not heard since <Age at={heard_at} />. What is shown is from then.
          </p>
        )}
        {report?.degraded.map((reason) => (
          <p key={reason} class="problem">
            <Stranger text={reason} />
          </p>
        ))}
        <Alerts alerts={report?.alerts ?? []} />
        <Links links={report?.links ?? []} />
        <Facts
          of={[
            ["Heard", isHere ? "here" : <Age key="heard" at={heard_at} />],
            ["Version", <Stranger key="version" text={version ?? "not told"} />],
            ["Running for", report?.uptimeS == null ? "-" : span(report.uptimeS)],
            ["Waiting texts", waiting(report)],
            ["Load", report?.load == null ? "-" : `${Math.round(report.load * 100)} % of each processor`],
            ["Memory", report?.memoryMb == null ? "-" : `${Math.round(report.memoryMb)} MB`],
            ["Nodes", report?.nodes ?? "-"],
            ["Plugins", <Plugins key="plugins" report={report} />],
            [
              "Key",
              <span key="id" class="mono break">
                {id}
              </span>,
            ],
          ]}
        />
      </div>
    </Card>
  );
}

function Presence({ site: { state, online } }: { readonly site: RegionSite }) {
  const [tone, word] = STATES[state];
  if (state === "self") return <Badge tone={tone}>{word}</Badge>;
  if (state !== "enrolled") return <Badge tone={tone}>{word}</Badge>;
  return <Badge tone={online ? "good" : "bad"}>{online ? "online" : "offline"}</Badge>;
}

function waiting(report: SiteReport | null): string {
  if (report?.queued == null) return "-";
  const oldest = report.queued > 0 && report.oldestS !== null ? `, the oldest for ${span(report.oldestS)}` : "";
  return `${report.queued}${oldest}${report.isSilenced ? ", silenced" : ""}`;
}

function Plugins({ report }: { readonly report: SiteReport | null }) {
  if (report === null || report.plugins.length === 0) return <>-</>;
  return <Stranger text={report.plugins.map(([state, count]) => `${count} ${words(state)}`).join(", ")} />;
}

function Links({ links }: { readonly links: readonly SiteLink[] }) {
  if (links.length === 0) return null;
  return (
    <ul class="site-links" aria-label="Radio links">
      {links.map(({ name, type, state, reason }) => (
        <li key={name}>
          <span class="row">
            <strong class="break">
              <Stranger text={name} />
            </strong>
            <Badge tone={state === "up" ? "good" : state === "waiting" || state === "stopped" ? "bad" : "warn"}>
              {state === "waiting" ? "down" : words(state).slice(0, 20)}
            </Badge>
            <span class="hint">
              <Stranger text={type} />
            </span>
          </span>
          {reason !== null && (
            <p class="problem">
              <Stranger text={reason} />
            </p>
          )}
        </li>
      ))}
    </ul>
  );
}

function Alerts({ alerts }: { readonly alerts: readonly SiteAlert[] }) {
  return (
    <>
      {alerts.map(({ time, code, message }) => (
        <p key={`${time} ${code} ${message}`} class="problem break">
          <Stranger text={message} /> <span class="hint">{time !== null && <Age at={time} />}</span>
        </p>
      ))}
    </>
  );
}
