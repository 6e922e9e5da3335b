/** How an MQTT broker is named and entered. */
import * as v from "valibot";
import { text } from "./values.ts";

/** Without user and password: a URL is shown in status and log. */
function isBrokerUrl(text: string): boolean {
  const url = URL.parse(text);
  const isPlain = url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  return isPlain && ["mqtt:", "mqtts:"].includes(url.protocol) && url.hostname !== "" && ["", "/"].includes(url.pathname);
}

export const brokerUrl = v.pipe(
  v.string(),
  v.maxLength(512),
  v.check(isBrokerUrl, "is not a broker's address | write mqtt://HOST:1883 or mqtts://HOST:8883; user and password have keys of their own"),
  v.description("Broker: mqtt://HOST:PORT, or mqtts:// for TLS."),
);
export const login = {
  username: v.optional(text("User name at the broker.")),
  password_file: v.optional(text("File whose first line is the password.")),
  ca_file: v.optional(text("Certificate (PEM) of the authority that signed the broker's, when the system does not know it.")),
};
