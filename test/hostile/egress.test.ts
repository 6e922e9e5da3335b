import { afterAll } from "bun:test";
import { EGRESS } from "./corpus/egress.ts";
import { family } from "./family.ts";
import { startRelay } from "./relay.ts";

let canary = 0;
const relay = startRelay(() => canary);
afterAll(() => relay.stop());

family("out into the network", EGRESS, {
  fill: { RELAY_PORT: String(relay.port) },
  onCanary: (port) => {
    canary = port;
  },
  gateway: {
    env: {
      HTTP_PROXY: "http://127.0.0.1:CANARY_PORT",
      HTTPS_PROXY: "http://127.0.0.1:CANARY_PORT",
      http_proxy: "http://127.0.0.1:CANARY_PORT",
      ALL_PROXY: "http://127.0.0.1:CANARY_PORT",
    },
  },
});
