/** Why a broker cannot be used, in one line with what to do: the library's own messages name no setting. */
import { type ErrorCode, fail, type GatewayError, type Result } from "../errors.ts";

type Words = readonly [message: string, hint: string];

const LOGIN = "check username and password_file, and the broker's own list of users";
const LISTS = "allow it in the broker's access list";
const LATER = "it is tried again by itself; see the broker's log";

/** By the system's error, or the broker's reason code (MQTT 3.1.1 up to 5, MQTT 5 from 128 on). */
const WORDS: Readonly<Record<string, Words>> = {
  2: ["the broker refused the client's name", LISTS],
  3: ["the broker serves nobody at present", LATER],
  4: ["the broker refused user name or password", LOGIN],
  5: ["the broker does not let this user connect", LOGIN],
  133: ["the broker refused the client's name", LISTS],
  134: ["the broker refused user name or password", LOGIN],
  135: ["the broker does not let this user connect", LOGIN],
  136: ["the broker serves nobody at present", LATER],
  137: ["the broker is busy", LATER],
  138: ["the broker has banned this client", "see the broker's configuration"],
  139: ["the broker is shutting down", LATER],
  141: ["the broker heard nothing for too long", "check the network"],
  142: ["another program connected under the same client name", "only one program may use it"],
  149: [
    "the broker takes no message of this size",
    "raise its limit on the size of messages (Mosquitto: max_packet_size, message_size_limit)",
  ],
  150: ["the broker limits how much may be sent", "raise its limit"],
  151: ["the broker's quota is used up", "raise its limits (Mosquitto: memory_limit, max_connections), or make room on its disk"],
  152: ["the broker ended the connection by its operator's order", LATER],
  159: ["the broker limits how often clients connect", LATER],
  ECONNREFUSED: ["nothing listens at this address", "check host and port, and that the broker runs"],
  ENOTFOUND: ["there is no such host", "check the host's name, and that the name server is reached"],
  EAI_AGAIN: ["the name server does not answer", "check the network, or write the broker's address instead of its name"],
  DNS_ENOTFOUND: ["there is no such host", "check the host's name, and that the name server is reached"],
  DNS_ETIMEOUT: ["the name server does not answer", "check the network, or write the broker's address instead of its name"],
  EHOSTUNREACH: ["the host cannot be reached", "check the network"],
  ENETUNREACH: ["the network cannot be reached", "check the network"],
  ETIMEDOUT: ["the host does not answer", "check address, port and network"],
  ECONNRESET: [
    "the other side closed the connection at once",
    "is this the port of an MQTT broker, does mqtt:// or mqtts:// fit it, and has it room (max_connections)?",
  ],
  CERT_HAS_EXPIRED: ["the broker's certificate has expired", "renew it, or set this machine's clock"],
  CERT_NOT_YET_VALID: ["the broker's certificate is not valid yet", "set this machine's clock, or the broker's"],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    "the broker's certificate is for another name",
    "write the name that the certificate holds, or have it made for this one",
  ],
};

const DENIED = new Set(["4", "5", "134", "135", "138"]);
const UNKNOWN_AUTHORITY = /certificate|self.signed|CERT_|UNABLE_TO|DEPTH_ZERO/i;
const NO_TLS = /wrong version number|ssl3_get_record|packet length too long|ERR_SSL|EPROTO|handshake|TLS/i;
/** What a program that does not speak MQTT makes the reader of packets say. */
const NOT_MQTT = /invalid (?:header|remaining|variable|length)|cannot parse|protocol|malformed|unexpected/i;

export function codeOfRefusal(error: Error & { readonly code?: unknown }): string {
  return String(error.code ?? "");
}

/** `permission_denied` where a setting or access list must change, else `link_down`. */
export function refusal(error: Error & { readonly code?: unknown }, where: string): { readonly ok: false; readonly error: GatewayError } {
  const code = codeOfRefusal(error);
  const [message, hint] = WORDS[code] ?? wordsOf(error.message, code);
  const kind: ErrorCode = DENIED.has(code) ? "permission_denied" : "link_down";
  return fail(kind, message, { where, hint, cause: error });
}

/** Why one message was not taken. Null: the connection ended meanwhile. */
export function refusedMessage(error: Error & { readonly code?: unknown }, topic: string): Result<never> {
  const code = codeOfRefusal(error);
  if (code === "135" || code === "5") {
    return fail("permission_denied", `the broker does not let this user write ${topic}`, { hint: LISTS, cause: error });
  }
  const [message, hint] = WORDS[code] ?? [`the broker took a message not: ${error.message}`, LATER];
  return fail(code === "149" ? "too_large" : "unavailable", message, { hint, cause: error });
}

function wordsOf(message: string, code: string): Words {
  const all = `${code} ${message}`;
  // Mosquitto answers a message above message_size_limit with a code that the library does not know there.
  if (/invalid puback reason code/i.test(message)) {
    return ["the broker refused a message, by its size or by a quota", "raise its limits (Mosquitto: message_size_limit, max_packet_size)"];
  }
  if (/expired/i.test(all)) return WORDS.CERT_HAS_EXPIRED ?? [message, ""];
  if (UNKNOWN_AUTHORITY.test(all)) {
    return [
      `the broker's certificate is not accepted: ${message}`,
      "name the certificate of its authority as ca_file, or use the name that the certificate holds",
    ];
  }
  if (NO_TLS.test(all)) return ["the broker does not speak TLS at this port", "write mqtt:// for a port without TLS, or another port"];
  if (NOT_MQTT.test(all)) return ["what listens at this address is no MQTT broker", "check the port (1883 without TLS, 8883 with it)"];
  return [`cannot connect: ${message || code || "the connection failed"}`, "check the address; mqtts:// is for TLS, mqtt:// without it"];
}
