import { nameOf, placeOf } from "../describe.ts";
import { formatNodeId } from "../ids.ts";
import type { TextMessage } from "../message.ts";
import type { MeshNode } from "../node.ts";

/** What alerts begin with. No emergency word, or an operator's node that is a gateway too would answer alerts with alerts. */
export const ALERT_MARK = "ALERT";

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
}

/** `SOS from Alice (!0000002a), at 47.12346 8.50000 (3 min ago): leg broken`. `what`: the word in capitals; `rest`: the text behind it. */
export function describeEmergency({ message, node, now }: HeardEmergency, what: string, rest: string): string {
  const id = formatNodeId(message.from);
  const name = nameOf(message, node);
  const who = name === id ? id : `${name} (${id})`;
  const age = message.rxTime === undefined ? 0 : now / 1000 - message.rxTime;
  const when = age > OLD_S && age < 7 * DAY_S ? `, heard ${ago(age)}` : "";
  return `${what} from ${who}${whereIs(node, now)}${when}: ${rest === "" ? `(no text, ${placeOf(message)})` : rest}`;
}

function whereIs(node: MeshNode | null, now: number): string {
  const position = node?.position;
  if (position === undefined || (position.latitude === 0 && position.longitude === 0)) return "";
  const { time, latitude, longitude } = position;
  const isDated = time !== undefined && time > CLOCK_SET_S && now / 1000 > CLOCK_SET_S;
  const age = isDated ? ` (${ago(Math.max(0, now / 1000 - time))})` : " (age unknown)";
  return `, at ${latitude.toFixed(5)} ${longitude.toFixed(5)}${age}`;
}

function ago(seconds: number): string {
  if (seconds < OLD_S) return "now";
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 2 * DAY_S ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / DAY_S)} days ago`;
}
