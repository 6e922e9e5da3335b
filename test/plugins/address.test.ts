import { describe, expect, test } from "bun:test";
import { fail, ok } from "../../src/errors.ts";
import { BROADCAST } from "../../src/mesh/ids.ts";
import type { Channel, LinkStatus } from "../../src/mesh/link-status.ts";
import type { MeshNode } from "../../src/mesh/node.ts";
import type { Route } from "../../src/mesh/routes.ts";
import { type AddressBook, resolveAddress } from "../../src/plugins/capabilities/mesh/address.ts";
import type { WireContext } from "../../src/sdk/boundary/wire.ts";
import { LINK } from "../api/fake-control.ts";

function link(name: string, channels: readonly Channel[]): LinkStatus {
  return { ...LINK, name, channels };
}

const usb = link("usb", [
  { index: 0, name: "", role: "primary" },
  { index: 1, name: "Ops", role: "secondary" },
  { index: 2, name: "Gone", role: "disabled" },
]);
const roof = link("roof", [
  { index: 0, name: "Secret", role: "primary" },
  { index: 1, name: "Private", role: "secondary" },
  { index: 3, name: "Ops", role: "secondary" },
]);
const alice: MeshNode = { number: 7, id: "!00000007", isOwn: false, link: "usb", channel: 1 };

function book(links: readonly LinkStatus[], shared = false): AddressBook {
  return {
    nodes: {
      find: () => ok(alice),
      resolve: (key) =>
        key === "Alice"
          ? ok(7)
          : key === "all" || key === "broadcast" || key === BROADCAST
            ? ok(BROADCAST)
            : fail("not_found", `no node ${key}`),
      get: (number) => (number === 7 ? alice : undefined),
      shareMesh: (a, b) => shared || a === b,
      all: () => [alice],
    },
    links: () => links,
  };
}
const one = book([usb]);
const two = book([usb, roof]);
const joined = book([usb, roof], true);
const NO_MESSAGE = { context: null, link: null };

function handling(channel: number, isDirect: boolean, on: string | null = "usb") {
  const context: WireContext = {
    senderId: "!00000007",
    senderName: "Alice",
    senderProfile: null,
    channel,
    isDirect,
    isOperator: false,
    timestamp: 0,
    message: null,
    sessionData: {},
    correlationId: "c1",
  };
  return { context, link: on };
}

const broadcast = (...routes: Route[]) => ok({ to: BROADCAST, routes });
const direct = (...route: Route) => ok({ to: 7, routes: [route] });
const [first, ops, secret, hidden, roofOps] = [
  { link: "usb", index: 0 },
  { link: "usb", index: 1, name: "Ops" },
  { link: "roof", index: 0, name: "Secret" },
  { link: "roof", index: 1, name: "Private" },
  { link: "roof", index: 3, name: "Ops" },
] as const;

describe("where a message goes", () => {
  test("with neither destination nor channel: to where the handled message came from", () => {
    expect(resolveAddress({}, handling(1, false), two)).toEqual(broadcast([ops]));
    expect(resolveAddress({}, handling(1, false, "roof"), two)).toEqual(broadcast([hidden]));
    expect(resolveAddress({}, handling(0, true), one)).toEqual(direct(first));
    expect(resolveAddress({}, NO_MESSAGE, one)).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
  });

  test("a broadcast goes to the handled message's channel, else to the first of each link", () => {
    for (const destination of ["broadcast", BROADCAST, "all"])
      expect(resolveAddress({ destination }, NO_MESSAGE, one)).toEqual(broadcast([first]));
    expect(resolveAddress({ destination: "broadcast" }, NO_MESSAGE, two)).toEqual(broadcast([first], [secret]));
    expect(resolveAddress({ destination: "broadcast" }, handling(1, false), two)).toEqual(broadcast([ops]));
    expect(resolveAddress({ destination: "Bob" }, NO_MESSAGE, one)).toMatchObject({ ok: false, error: { code: "not_found" } });
  });

  test("a node is reached by the link and the channel that heard it last, or by any other link", () => {
    expect(resolveAddress({ destination: "Alice" }, handling(0, false, "roof"), two)).toEqual(direct(ops, roofOps));
    expect(resolveAddress({ destination: "Alice" }, NO_MESSAGE, book([roof]))).toEqual(direct(secret));
    expect(resolveAddress({ destination: "Alice", channel: 0 }, NO_MESSAGE, two)).toEqual(direct(first, secret));
    expect(resolveAddress({ destination: "Alice", channel: "Ops" }, NO_MESSAGE, book([roof, usb]))).toEqual(direct(ops, roofOps));
  });

  test("a bare index is of the handled message's link, or of the only one; else the candidates are listed", () => {
    expect(resolveAddress({ channel: 1 }, handling(0, false, "roof"), two)).toEqual(broadcast([hidden]));
    expect(resolveAddress({ channel: 7 }, NO_MESSAGE, one)).toEqual(broadcast([{ link: "usb", index: 7 }]));
    expect(resolveAddress({ channel: 1 }, NO_MESSAGE, two)).toMatchObject({
      ok: false,
      error: { code: "conflict", hint: "name one of: usb/1 (Ops), roof/1 (Private)" },
    });
    for (const wrong of [-1, 8, 1.5, Number.NaN]) {
      expect(resolveAddress({ channel: wrong }, NO_MESSAGE, one)).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
    }
  });

  test("a name is the channel of each link that has it, under that link's own index; LINK/INDEX is one channel", () => {
    expect(resolveAddress({ channel: "Ops" }, NO_MESSAGE, two)).toEqual(broadcast([ops], [roofOps]));
    expect(resolveAddress({ channel: "roof/1" }, NO_MESSAGE, two)).toEqual(broadcast([hidden]));
    for (const wrong of ["ops", "Gone", "attic/1", "/1"]) {
      expect(resolveAddress({ channel: wrong }, NO_MESSAGE, one)).toMatchObject({
        ok: false,
        error: { code: "not_found", hint: "known: Ops; or use an index 0-7" },
      });
    }
  });

  test("links of one mesh stand in for each other on a channel that both have, and only there", () => {
    expect(resolveAddress({ channel: "Ops" }, NO_MESSAGE, joined)).toEqual(broadcast([ops, roofOps]));
    expect(resolveAddress({ channel: "roof/3" }, NO_MESSAGE, joined)).toEqual(broadcast([roofOps, ops]));
    expect(resolveAddress({ channel: "Private" }, NO_MESSAGE, joined)).toEqual(broadcast([hidden]));
  });
});
