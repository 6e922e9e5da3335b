import { useEffect, useState } from "preact/hooks";
import { callAll } from "../../api/call.ts";
import type { NodeSampleView } from "../../api/types.ts";
import { Empty } from "../../parts/card.tsx";
import { Chart } from "../../parts/chart.tsx";
import { nodes } from "../../state/facts.ts";
import { valueOrTell } from "../../state/notices.ts";

/** Battery, signal and utilization of the last week. */
export function NodeCharts({ id }: { readonly id: string }) {
  const [samples, setSamples] = useState<readonly NodeSampleView[] | null>(null);
  // A new sample comes at most each quarter of an hour, with the node's next packet.
  const quarter = Math.floor(Date.parse(nodes.value.get(id)?.last_heard ?? "") / 900_000);
  useEffect(() => {
    callAll<NodeSampleView>(`nodes/${encodeURIComponent(id)}/history`)
      .then((answer) => setSamples(valueOrTell(answer)))
      .catch(console.error);
  }, [id, quarter]);
  if (samples === null) return null;
  if (samples.length < 2) return <Empty>No history yet: a node's measurements are kept for a week, four an hour.</Empty>;
  const times = samples.map(({ time }) => Date.parse(time) / 1000);
  const last = samples.at(-1);
  const has = (key: "battery_level" | "snr" | "channel_utilization") => samples.some((sample) => sample[key] !== null);
  return (
    <div class="node-charts">
      {has("battery_level") && (
        <Chart
          label={`Battery in the last week, now ${last?.battery_level ?? "unknown"} percent`}
          times={times}
          height={120}
          series={[{ label: "Battery", unit: " %", colour: "--good", values: samples.map(({ battery_level }) => battery_level) }]}
        />
      )}
      {has("snr") && (
        <Chart
          label={`Signal to noise in the last week, now ${last?.snr ?? "unknown"} dB`}
          times={times}
          height={120}
          from0={false}
          series={[{ label: "SNR", unit: " dB", colour: "--info", values: samples.map(({ snr }) => snr) }]}
        />
      )}
      {has("channel_utilization") && (
        <Chart
          label={`Channel utilization as this node measured it in the last week, now ${last?.channel_utilization ?? "unknown"} percent`}
          times={times}
          height={120}
          series={[
            { label: "Channel busy", unit: " %", colour: "--warn", values: samples.map(({ channel_utilization }) => channel_utilization) },
            { label: "Its own sending", unit: " %", colour: "--accent", values: samples.map(({ air_util_tx }) => air_util_tx) },
          ]}
        />
      )}
    </div>
  );
}
