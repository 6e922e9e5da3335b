import type { GatewayTexts } from "../../texts/texts.ts";
import { nameOf } from "../describe.ts";
import { formatNodeId } from "../ids.ts";
import type { TextMessage } from "../message.ts";
import type { MeshNode } from "../node.ts";

const OLD_S = 120;
const DAY_S = 86_400;
/** s since 1970; a position's time before 2020 was never set. */
const CLOCK_SET_S = Date.UTC(2020, 0) / 1000;

interface HeardEmergency {
  readonly message: TextMessage;
  /** Its sender. */
  readonly node: MeshNode | null;
  /** ms since 1970. */
  readonly now: number;
  readonly say: GatewayTexts;
}

/** `ALERT SOS from Alice (!0000002a), at 47.12346 8.50000 (3 min ago): leg broken`. `what`: the word in capitals; `rest`: the text behind it. */
export function describeEmergency({ message, node, now, say }: HeardEmergency, what: string, rest: string): string {
  const id = formatNodeId(message.from);
  const name = nameOf(message, node);
  const who = name === id ? id : `${name} (${id})`;
  const age = message.rxTime === undefined ? 0 : now / 1000 - message.rxTime;
  const heard = age > OLD_S && age < 7 * DAY_S ? say("sos_heard", { age: ago(age, say) }) : "";
  const place = message.isDirect ? say("in_direct", { id }) : say("on_channel", { id, channel: message.channel });
  return say("sos_alert", { what, who, place: whereIs(node, now, say), heard, text: rest === "" ? say("sos_no_text", { place }) : rest });
}

function whereIs(node: MeshNode | null, now: number, say: GatewayTexts): string {
  const position = node?.position;
  if (position === undefined || (position.latitude === 0 && position.longitude === 0)) return "";
  const { time } = position;
  const [latitude, longitude] = [position.latitude.toFixed(5), position.longitude.toFixed(5)];
  const isDated = time !== undefined && time > CLOCK_SET_S && now / 1000 > CLOCK_SET_S;
  if (!isDated) return say("sos_place_undated", { latitude, longitude });
  return say("sos_place", { latitude, longitude, age: ago(Math.max(0, now / 1000 - time), say) });
}

function ago(seconds: number, say: GatewayTexts): string {
  if (seconds < OLD_S) return say("age_now");
  if (seconds < 2 * 3600) return say("age_minutes", { count: Math.round(seconds / 60) });
  if (seconds < 2 * DAY_S) return say("age_hours", { count: Math.round(seconds / 3600) });
  return say("age_days", { count: Math.round(seconds / DAY_S) });
}
