import { Card, Empty } from "../../parts/card.tsx";
import { Chart } from "../../parts/chart.tsx";
import { now } from "../../state/time.ts";
import { hourly } from "../../state/traffic.ts";

const DAYS = 14;
const DAY_MS = 86_400_000;

/** Messages a day, in the browser's time zone. */
export function Traffic() {
  const hours = hourly.value;
  const today = new Date(now.value);
  today.setHours(0, 0, 0, 0);
  const starts = Array.from({ length: DAYS }, (_, at) =>
    new Date(today.getFullYear(), today.getMonth(), today.getDate() - DAYS + 1 + at).getTime(),
  );
  const sum = (of: "received" | "sent" | "failed") =>
    starts.map((start) =>
      (hours ?? [])
        .filter(({ hour }) => Date.parse(hour) >= start && Date.parse(hour) < start + DAY_MS)
        .reduce((total, each) => total + each[of], 0),
    );
  const [received, sent, failed] = [sum("received"), sum("sent"), sum("failed")];
  const total = [...received, ...sent].reduce((a, b) => a + b, 0);
  const last = (list: readonly number[]) => list.at(-1) ?? 0;
  return (
    <Card title="Messages a day" wide>
      {hours !== null && total === 0 ? (
        <Empty>No texts in the last {DAYS} days.</Empty>
      ) : (
        <Chart
          label={`Messages a day, the last ${DAYS} days. Today: ${last(received)} received, ${last(sent)} sent, ${last(failed)} failed.`}
          times={starts.map((start) => start / 1000)}
          series={[
            { label: "Received", colour: "--accent", values: received },
            { label: "Sent", colour: "--info", values: sent },
            { label: "Failed", colour: "--bad", values: failed },
          ]}
        />
      )}
    </Card>
  );
}
