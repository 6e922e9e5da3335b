import type { NetworkStatus } from "zephyrgate";

type Link = NetworkStatus["links"][number];

interface Channel {
  readonly index: number;
  readonly name: string;
}

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
  const channels = channelsOf(link);
  const channel = channels.find(({ name }) => name === wanted) ?? channels.find(({ index }) => String(index) === wanted);
  return channel === undefined ? null : placeOn(link, channel.index);
}

/** The channel of this name on each link that has it; the first, where a link has two. */
export function namedPlaces(wanted: string, { links }: Pick<NetworkStatus, "links">): Place[] {
  return links.flatMap((link) => {
    const channel = channelsOf(link).find(({ name }) => name === wanted);
    return channel === undefined ? [] : [placeOn(link, channel.index)];
  });
}

/** Whether its radio has told its channels. */
export function areChannelsKnown(link: Link): boolean {
  return channelsOf(link).length > 0;
}

export function namesOn(link: Link): readonly string[] {
  return channelsOf(link).map(({ name }) => name);
}

function placeOn(link: Link, index: number): Place {
  const utilization = typeof link.channelUtilization === "number" ? link.channelUtilization : null;
  return { link: link.name, index, utilization, isUp: link.state === "up" };
}

function channelsOf(link: Link): readonly Channel[] {
  return (Array.isArray(link.channels) ? (link.channels as readonly unknown[]) : []).flatMap(readChannel);
}

function readChannel(value: unknown): Channel[] {
  if (typeof value !== "object" || value === null || !("index" in value) || typeof value.index !== "number") return [];
  if ("role" in value && value.role === "disabled") return [];
  return [{ index: value.index, name: "name" in value && typeof value.name === "string" ? value.name : "" }];
}
