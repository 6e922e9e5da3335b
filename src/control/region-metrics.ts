/** The region in Prometheus' metrics. */
import type { RegionView } from "../api/contract/region-views.ts";
import type { RecordsStatus } from "../region/records/records.ts";
import { byLabel, type Family, one } from "./family.ts";

/** What the rooms that share through the region count. */
export interface RegionCounts {
  readonly records: RecordsStatus | null;
  /** Messages of other sites that no plugin got, by reason. */
  readonly topics: Readonly<Record<string, number>>;
  /** Shared values of other sites that were not taken. */
  readonly valuesRefused: number;
}

export function regionFamilies(view: RegionView, counts: RegionCounts): Family[] {
  return view.state === "alone" ? [] : [...siteFamilies(view), ...sharedFamilies(counts)];
}

function sharedFamilies({ records, topics, valuesRefused }: RegionCounts): Family[] {
  return [
    ...(records === null ? [] : recordFamilies(records)),
    byLabel(
      {
        name: "zephyrgate_region_plugin_messages_dropped_total",
        type: "counter",
        help: "Messages of other sites that no plugin got, by reason.",
      },
      "reason",
      Object.entries(topics),
    ),
    one("zephyrgate_region_values_refused_total", "counter", "Shared values of other sites that were not taken.", valuesRefused),
  ];
}

function recordFamilies({ records, bytes, refused, flooded, unreadable, dropped }: RecordsStatus): Family[] {
  return [
    one("zephyrgate_region_records", "gauge", "Records of the region that are kept here.", records),
    one("zephyrgate_region_record_bytes", "gauge", "Their bytes.", bytes),
    one("zephyrgate_region_records_pushed_out_total", "counter", "Records that newer ones of the same site pushed out.", dropped),
    byLabel(
      { name: "zephyrgate_region_records_refused_total", type: "counter", help: "Records of other sites that were not kept, by reason." },
      "reason",
      Object.entries({ ...refused, flooded, unreadable }),
    ),
  ];
}

function siteFamilies(view: RegionView): Family[] {
  const { sites, messages, broker } = view;
  const states = ["enrolled", "waiting", "revoked", "left"] as const;
  const { sent, failed, received, refused } = messages;
  return [
    one("zephyrgate_region_connected", "gauge", "1 while the region's broker is connected.", broker?.state === "connected" ? 1 : 0),
    one(
      "zephyrgate_region_reconnects_total",
      "counter",
      "Times that the connection to the broker was opened again.",
      broker?.reconnects ?? 0,
    ),
    one("zephyrgate_region_key_number", "gauge", "Number of the region's key: higher after each revocation.", view.key_number ?? 0),
    byLabel(
      { name: "zephyrgate_region_sites", type: "gauge", help: "Other sites of the region, by state." },
      "state",
      states.map((state) => [state, sites.filter((site) => site.state === state).length] as const),
    ),
    {
      name: "zephyrgate_region_site_online",
      type: "gauge",
      help: "1 while an enrolled site is heard.",
      samples: sites
        .filter(({ state }) => state === "enrolled")
        .map(({ name, online }) => ({ labels: { site: name }, value: online ? 1 : 0 })),
    },
    byLabel(
      { name: "zephyrgate_region_messages_total", type: "counter", help: "Messages between sites, by outcome." },
      "outcome",
      Object.entries({ sent, failed, received }),
    ),
    byLabel(
      { name: "zephyrgate_region_refused_total", type: "counter", help: "Messages of other sites that were refused, by reason." },
      "reason",
      Object.entries(refused),
    ),
  ];
}
