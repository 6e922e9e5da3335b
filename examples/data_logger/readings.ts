import type { IncomingMessage } from "zephyrgate";

/** What other nodes send is whatever they please: a reading counts only if it is one. */
export function readPosition({ position }: IncomingMessage): { latitude: number; longitude: number } | null {
  const latitude = numberIn(position, "latitude");
  const longitude = numberIn(position, "longitude");
  return latitude === null || longitude === null ? null : { latitude, longitude };
}

/** Percent; 101 means that the node is on external power. */
export function readBattery({ telemetry }: IncomingMessage): number | null {
  return numberIn(telemetry, "batteryLevel");
}

function numberIn(value: unknown, key: string): number | null {
  if (typeof value !== "object" || value === null) return null;
  const found: unknown = (value as { [key: string]: unknown })[key];
  return typeof found === "number" && Number.isFinite(found) ? found : null;
}
