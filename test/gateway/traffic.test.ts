import { expect, test } from "bun:test";
import { EventBus } from "../../src/bus.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { logTraffic } from "../../src/gateway/mesh/traffic.ts";
import { createLog } from "../../src/log/log.ts";
import { NodeDirectory } from "../../src/mesh/nodes/directory.ts";
import { received, status } from "../api/fake-control.ts";
import { FakeClock } from "../fake-clock.ts";

test("a text is one line when it has left, whichever report comes first", () => {
  const clock = new FakeClock();
  const log = createLog({ level: "info", format: "text", file: null, max_mb: 1, keep: 1, levels: {} }, { clock, console: null });
  const bus = new EventBus<CoreEvents>((_, thrown) => {
    throw thrown;
  });
  logTraffic(bus, new NodeDirectory({ clock, log: log.logger }), log.logger, () => true);
  for (const [id, states] of [
    ["m_a", ["queued", "sent", "sent", "delivered"]],
    ["m_b", ["queued", "delivered", "sent"]],
    ["m_c", ["queued", "relayed"]],
  ] as const)
    for (const state of states) bus.emit("message_status", status({ id, state, text: id, to: 2 }));
  expect(log.book.tail({}, 100).map(({ message }) => message)).toEqual(["m_a", "m_b", "m_c"].map((id) => `-> !00000002: ${id}`));
});

test("direct messages are in the log in full only where the configuration says so; channels are public", () => {
  const clock = new FakeClock();
  const log = createLog({ level: "debug", format: "text", file: null, max_mb: 1, keep: 1, levels: {} }, { clock, console: null });
  const bus = new EventBus<CoreEvents>((_, thrown) => {
    throw thrown;
  });
  const nodes = new NodeDirectory({ clock, log: log.logger, onSeen: () => undefined });
  let shows = false;
  logTraffic(bus, nodes, log.logger, () => shows);
  const heard = received("my pin is 4711");
  if (heard.kind !== "text") throw new Error("a text is needed");
  const all = () => {
    bus.emit("message_received", { ...heard, isDirect: true });
    bus.emit("message_received", { ...heard, isDirect: false });
    for (const state of ["sent", "failed"] as const) {
      bus.emit("message_status", status({ id: `m_${shows}${state}`, state, text: "your pin is 4711", to: 2 }));
    }
    return log.book.tail({}, 100).map(({ message }) => message);
  };
  const hidden = all();
  expect(hidden.filter((line) => line.includes("4711"))).toHaveLength(1);
  expect(hidden.filter((line) => line.endsWith("(14 characters)") || line.endsWith("(16 characters)"))).toHaveLength(3);
  shows = true;
  expect(all().filter((line) => line.includes("4711"))).toHaveLength(5);
});
