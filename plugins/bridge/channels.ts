import type { NetworkStatus } from "zephyrgate";

/** A channel that a rule names, on the link that has it. */
export interface Place {
  readonly link: string;
  readonly index: number;
  /** Share of the time in which the link's radio channel is in use; null: not known. */
  readonly utilization: number | null;
  readonly isUp: boolean;
}

/** `LINK/NAME` or `LINK/INDEX`; null: there is none, or its radio has not been connected yet. */
export function placeOf(written: string, { links }: NetworkStatus): Place | null {
  const link = links.find(({ name }) => written.startsWith(`${name}/`));
  if (link === undefined) return null;
  const wanted = written.slice(link.name.length + 1);
  const channels = (Array.isArray(link.channels) ? (link.channels as readonly unknown[]) : []).flatMap(readChannel);
  const channel = channels.find(({ name }) => name === wanted) ?? channels.find(({ index }) => String(index) === wanted);
  if (channel === undefined) return null;
  const utilization = typeof link.channelUtilization === "number" ? link.channelUtilization : null;
  return { link: link.name, index: channel.index, utilization, isUp: link.state === "up" };
}

function readChannel(value: unknown): { readonly index: number; readonly name: string }[] {
  if (typeof value !== "object" || value === null || !("index" in value) || typeof value.index !== "number") return [];
  if ("role" in value && value.role === "disabled") return [];
  return [{ index: value.index, name: "name" in value && typeof value.name === "string" ? value.name : "" }];
}
