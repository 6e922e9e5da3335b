import { useState } from "preact/hooks";
import { call } from "../../api/call.ts";
import type { NodeView, RouteView } from "../../api/types.ts";
import { Stranger } from "../../parts/format.tsx";
import { addressOf } from "../../state/address.ts";
import { loadNodes, nodeName } from "../../state/facts.ts";
import { tell, valueOrTell } from "../../state/notices.ts";
import { goneSince } from "../../state/session.ts";

/** Write to it, or ask it: each question uses the airtime of every node on the way. */
export function NodeRequests({ node }: { readonly node: NodeView }) {
  const [busy, setBusy] = useState<string | null>(null);
  const [route, setRoute] = useState<RouteView | null>(null);
  const path = `nodes/${encodeURIComponent(node.id)}`;
  const ask = async (what: "position" | "telemetry") => {
    const title = what === "position" ? "Position" : "Measurements";
    if (
      valueOrTell(
        await call<null | object>("POST", `${path}/ask`, { what }).then((answer) => (answer.ok ? { ...answer, value: {} } : answer)),
        title,
      ) === null
    )
      return;
    tell("done", `${title} received.`);
    await loadNodes();
  };
  const trace = async () => setRoute(valueOrTell(await call<RouteView>("POST", "traceroute", { node: node.id }), "Traceroute"));
  const during = (name: string, work: () => Promise<void>) => () => {
    setBusy(name);
    work()
      .finally(() => setBusy(null))
      .catch(console.error);
  };
  const isOff = busy !== null || goneSince.value !== null;
  return (
    <>
      <div class="actions">
        <a class="button primary" href={addressOf("messages", "n", node.id)}>
          Message
        </a>
        <button type="button" disabled={isOff} onClick={during("trace", trace)}>
          {busy === "trace" ? "Tracing…" : "Traceroute"}
        </button>
        <button type="button" disabled={isOff} onClick={during("position", () => ask("position"))}>
          {busy === "position" ? "Asking…" : "Ask position"}
        </button>
        <button type="button" disabled={isOff} onClick={during("telemetry", () => ask("telemetry"))}>
          {busy === "telemetry" ? "Asking…" : "Ask measurements"}
        </button>
      </div>
      {route !== null && <Route route={route} />}
    </>
  );
}

function Route({ route: { node, towards, back } }: { readonly route: RouteView }) {
  const way = (from: string, hops: RouteView["towards"], to: string) =>
    [from, ...hops.map((hop) => `${nodeName(hop.node)}${hop.snr === undefined ? "" : ` (${hop.snr} dB)`}`), to].join(" → ");
  return (
    <div class="route" role="status">
      <div>
        <span class="hint">There: </span>
        <Stranger text={way("gateway", towards, nodeName(node))} />
      </div>
      <div>
        <span class="hint">Back: </span>
        <Stranger text={way(nodeName(node), back, "gateway")} />
      </div>
    </div>
  );
}
