import { describe, expect, test } from "bun:test";
import { fail, ok } from "../../src/errors.ts";
import { BROADCAST } from "../../src/mesh/ids.ts";
import type { Channel, LinkStatus } from "../../src/mesh/link-status.ts";
import type { MeshNode } from "../../src/mesh/node.ts";
import { type AddressBook, resolveAddress } from "../../src/plugins/capabilities/mesh/address.ts";
import type { WireContext } from "../../src/sdk/boundary/wire.ts";

const channels: readonly Channel[] = [
  { index: 0, name: "", role: "primary" },
  { index: 1, name: "Ops", role: "secondary" },
  { index: 2, name: "Gone", role: "disabled" },
];
const link = { name: "usb", channels } as unknown as LinkStatus;
const alice = { number: 7, link: "usb" } as unknown as MeshNode;
const book: AddressBook = {
  nodes: {
    find: () => ok(alice),
    resolve: (key) => (key === "Alice" ? ok(7) : key === "all" ? ok(BROADCAST) : fail("not_found", `no node ${key}`)),
    get: (number) => (number === 7 ? alice : undefined),
    all: () => [alice],
  },
  links: () => [link],
};
const NO_MESSAGE = { context: null, link: null };

function handling(channel: number, isDirect: boolean) {
  const context: WireContext = {
    senderId: "!00000007",
    senderName: "Alice",
    senderProfile: null,
    channel,
    isDirect,
    timestamp: 0,
    message: null,
    sessionData: {},
    correlationId: "c1",
  };
  return { context, link: "usb" };
}

describe("where a message goes", () => {
  test("with neither destination nor channel: to where the handled message came from", () => {
    expect(resolveAddress({}, handling(1, false), book)).toEqual(ok({ to: BROADCAST, channel: { index: 1, name: "Ops" }, link: "usb" }));
    expect(resolveAddress({}, handling(0, true), book)).toEqual(ok({ to: 7, channel: { index: 0 }, link: "usb" }));
    expect(resolveAddress({}, { ...handling(0, true), link: null }, book)).toEqual(ok({ to: 7, channel: { index: 0 } }));
    expect(resolveAddress({}, NO_MESSAGE, book)).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
  });

  test("a broadcast goes to the handled message's channel, else to the first; a direct one stays on the first", () => {
    expect(resolveAddress({ destination: "broadcast" }, NO_MESSAGE, book)).toEqual(ok({ to: BROADCAST, channel: { index: 0 } }));
    expect(resolveAddress({ destination: BROADCAST }, NO_MESSAGE, book)).toEqual(ok({ to: BROADCAST, channel: { index: 0 } }));
    expect(resolveAddress({ destination: "broadcast" }, handling(1, false), book)).toEqual(
      ok({ to: BROADCAST, channel: { index: 1, name: "Ops" } }),
    );
    expect(resolveAddress({ destination: "Alice" }, handling(1, false), book)).toEqual(ok({ to: 7, channel: { index: 0 }, link: "usb" }));
    expect(resolveAddress({ destination: "all" }, NO_MESSAGE, book)).toEqual(ok({ to: BROADCAST, channel: { index: 0 } }));
    expect(resolveAddress({ destination: "Bob" }, NO_MESSAGE, book)).toMatchObject({ ok: false, error: { code: "not_found" } });
  });

  test("a channel is an index from 0 to 7 or an exact name", () => {
    const to = (channel: number | string) => resolveAddress({ channel }, NO_MESSAGE, book);
    expect(to("Ops")).toEqual(ok({ to: BROADCAST, channel: { index: 1, name: "Ops" } }));
    expect(to(1)).toEqual(to("Ops"));
    expect([to(0), to(7)]).toEqual([ok({ to: BROADCAST, channel: { index: 0 } }), ok({ to: BROADCAST, channel: { index: 7 } })]);
    for (const wrong of [-1, 8, 1.5, Number.NaN]) expect(to(wrong)).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
    for (const wrong of ["ops", "Gone"]) {
      expect(to(wrong)).toMatchObject({ ok: false, error: { code: "not_found", hint: "known: Ops; or use an index 0-7" } });
    }
    expect(resolveAddress({ destination: "Alice", channel: "Ops" }, NO_MESSAGE, book)).toEqual(
      ok({ to: 7, channel: { index: 1, name: "Ops" }, link: "usb" }),
    );
  });
});
