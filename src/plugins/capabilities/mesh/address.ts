import { fail, ok, type Result } from "../../../errors.ts";
import { BROADCAST } from "../../../mesh/ids.ts";
import type { Channel, LinkStatus } from "../../../mesh/link-status.ts";
import type { SendArgs } from "../../../sdk/boundary/wire.ts";
import type { CallOrigin } from "../../plugin/instance.ts";
import type { NodePort } from "../call/ports.ts";

/** Where a message goes, resolved to the mesh's own numbers. */
export interface Address {
  readonly to: number;
  readonly channel: { readonly index: number; readonly name?: string };
  readonly link?: string;
}

export interface AddressBook {
  readonly nodes: NodePort;
  links(): readonly LinkStatus[];
}

/** sendMessage's destination and channel; with neither, the place the handled message came from. */
export function resolveAddress(
  args: Pick<SendArgs, "destination" | "channel">,
  origin: Pick<CallOrigin, "context" | "link">,
  book: AddressBook,
): Result<Address> {
  const { destination, channel } = args;
  if (destination === undefined && channel === undefined) return originAddress(origin, book);
  const resolved = channel === undefined ? ok(defaultChannel(destination, origin, book)) : resolveChannel(channel, book);
  if (!resolved.ok) return resolved;
  if (destination === undefined || destination === "broadcast" || destination === BROADCAST)
    return ok({ to: BROADCAST, channel: resolved.value });
  return resolveNode(destination, book, resolved.value);
}

function originAddress(origin: Pick<CallOrigin, "context" | "link">, book: AddressBook): Result<Address> {
  const context = origin.context;
  if (context === null) {
    return fail("invalid_argument", "sendMessage needs a destination here: no message from the mesh is being handled", {
      hint: 'give {destination: "broadcast"}, {destination: "!0a0b0c0d"} or {channel: 0}',
    });
  }
  const channel = named(context.channel, book);
  const link = origin.link === null ? {} : { link: origin.link };
  const to = context.isDirect ? Number.parseInt(context.senderId.slice(1), 16) : BROADCAST;
  return ok({ to, channel, ...link });
}

function defaultChannel(
  destination: string | number | undefined,
  origin: Pick<CallOrigin, "context" | "link">,
  book: AddressBook,
): Address["channel"] {
  const inHandler = origin.context !== null && destination === "broadcast" ? origin.context.channel : 0;
  return named(inHandler, book);
}

function resolveNode(destination: string | number, book: AddressBook, channel: Address["channel"]): Result<Address> {
  const number = book.nodes.resolve(destination);
  if (!number.ok) return number;
  if (number.value === BROADCAST) return ok({ to: BROADCAST, channel });
  const link = book.nodes.get(number.value)?.link;
  return ok({ to: number.value, channel, ...(link === undefined ? {} : { link }) });
}

export function resolveChannel(channel: number | string, book: AddressBook): Result<Address["channel"]> {
  if (typeof channel === "number") {
    if (!Number.isInteger(channel) || channel < 0 || channel > 7)
      return fail("invalid_argument", `channel ${channel} is not an index from 0 to 7`);
    return ok(named(channel, book));
  }
  const all = channels(book);
  const found = all.find((entry) => entry.name === channel);
  if (found !== undefined) return ok({ index: found.index, name: found.name });
  const names = all.map((entry) => entry.name).filter((name) => name !== "");
  return fail("not_found", `no channel is called ${JSON.stringify(channel)}`, {
    hint: `known: ${names.join(", ") || "none with a name"}; or use an index 0-7`,
  });
}

function channels(book: AddressBook): Channel[] {
  return book.links().flatMap((link) => link.channels.filter((channel) => channel.role !== "disabled"));
}

function named(index: number, book: AddressBook): Address["channel"] {
  const name = channels(book).find((channel) => channel.index === index)?.name;
  return name === undefined || name === "" ? { index } : { index, name };
}
