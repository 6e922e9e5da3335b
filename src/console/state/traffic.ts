import { signal } from "@preact/signals";
import { callAll } from "../api/call.ts";
import type { TrafficHour } from "../api/types.ts";
import { valueOrTell } from "./notices.ts";

/** Texts by hour; null before they are loaded. */
export const hourly = signal<readonly TrafficHour[] | null>(null);

export async function loadTraffic(): Promise<void> {
  const loaded = valueOrTell(await callAll<TrafficHour>("traffic"));
  if (loaded !== null) hourly.value = loaded;
}
