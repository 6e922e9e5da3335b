import type { NodeView, RegionNodeView } from "../../api/types.ts";
import { Empty, Facts } from "../../parts/card.tsx";
import { Age, Stranger, words } from "../../parts/format.tsx";
import { Icon } from "../../parts/icon.tsx";
import { useList } from "../../parts/loaded.ts";
import { addressOf } from "../../state/address.ts";
import { hasRegion, nodes } from "../../state/facts.ts";
import { may } from "../../state/me.ts";
import { NodeCharts } from "./charts.tsx";
import { batteryText } from "./list.tsx";
import { isExact } from "./projection.ts";
import { NodeRequests } from "./requests.tsx";

export function NodeDetail({ id }: { readonly id: string }) {
  const node = nodes.value.get(id);
  return (
    <section class="detail card" aria-labelledby="node-title">
      <div class="card-head">
        <h2 id="node-title" class="cut">
          <Stranger text={node?.long_name ?? id} />
        </h2>
        <a class="button quiet" href={addressOf("nodes")} aria-label="Close the node">
          <Icon name="close" />
        </a>
      </div>
      {node === undefined ? <Empty>This node is not known.</Empty> : <Known node={node} />}
      <Elsewhere id={id} />
    </section>
  );
}

function Known({ node }: { readonly node: NodeView }) {
  const { id, number, hardware, role, last_heard, hops_away, snr, rssi, battery_level, voltage, link, is_own } = node;
  return (
    <>
      <Facts
        of={[
          ["Node", <span key="id" class="mono">{`${id} (${number})`}</span>],
          ["Heard", is_own ? "this gateway's own" : <Age key="heard" at={last_heard} />],
          ["Signal", snr === undefined ? "-" : `SNR ${snr} dB${rssi === undefined ? "" : `, ${rssi} dBm`}`],
          ["Hops", hops_away === undefined ? "-" : hops_away === 0 ? "0, heard directly" : hops_away],
          ["Battery", `${batteryText(battery_level)}${voltage === undefined ? "" : `, ${voltage.toFixed(2)} V`}`],
          ["Link", link],
          ["Hardware", hardware === undefined ? "-" : words(hardware)],
          ["Role", role === undefined ? "-" : words(role.toLowerCase())],
          ["Position", <Position key="position" node={node} />],
        ]}
      />
      {!is_own && may("operate") && <NodeRequests node={node} />}
      <NodeCharts id={id} />
    </>
  );
}

function Position({ node: { position, is_own } }: { readonly node: NodeView }) {
  if (position === undefined) return <>not told</>;
  const digits = isExact.value || is_own ? 5 : 2;
  return (
    <>
      {position.latitude.toFixed(digits)}, {position.longitude.toFixed(digits)}
      {position.altitude !== undefined && `, ${position.altitude} m`}
      <span class="hint">
        {digits === 2 && " (rounded)"} {position.time !== undefined && <Age at={position.time} />}
      </span>
    </>
  );
}

/** At which other sites of the region it was heard. */
function Elsewhere({ id }: { readonly id: string }) {
  const heard = useList<RegionNodeView>(hasRegion.value ? "region/nodes" : null).value?.filter((each) => each.id === id) ?? [];
  if (heard.length === 0) return null;
  return (
    <>
      <h3>Also heard at</h3>
      <ul class="site-links" aria-label="Other sites that heard it">
        {heard.map(({ site, last_heard }) => (
          <li key={site}>
            {site}, <Age at={last_heard} />
          </li>
        ))}
      </ul>
    </>
  );
}
