import { expect, test } from "bun:test";
import { permissionOf } from "../../src/host/realm/tokens.ts";
import { eventAsk } from "../../src/plugins/capabilities/registering.ts";

test("the host presents the token of the permission that the gateway judges an event by", () => {
  const types = [
    "message_status",
    "message_received",
    "node_seen",
    "link_state",
    "plugin_started",
    "plugin_failed",
    "alert",
    "alerting",
    "other.event",
  ];
  const asked = types.map((type) => eventAsk(type)?.permission ?? null);
  expect(types.map((type) => permissionOf("register", { kind: "event", type }))).toEqual(asked);
  expect(asked[4]).toBe("system_state_read");
});
