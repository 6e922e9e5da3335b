import type { Hold } from "../outgoing.ts";
import { isFailed, type OutMessage, untried } from "./message/message.ts";

export interface HeldDeps {
  /** Monotonic ms. */
  readonly now: number;
  /** The operator silenced everything but emergencies. */
  readonly isSilenced: boolean;
  isUp(link: string): boolean;
  /** Why the link sends nothing of this priority now. */
  linkHold(link: string, isUrgent: boolean): Hold | null;
  /** Which budget of airtime is used up. */
  airtimeHold(message: OutMessage, link: string): Hold | null;
}

/** Why a message that waits is not being sent at this moment. */
export function holdOf(message: OutMessage, deps: HeldDeps): Hold {
  if (!message.idsStored) return "storing";
  const isUrgent = message.request.priority === "emergency";
  if (deps.isSilenced && !isUrgent) return "silenced";
  const links = waitingLinks(message);
  const up = links.find((link) => deps.isUp(link));
  if (up === undefined) return "no_link";
  const held = deps.airtimeHold(message, up) ?? partHold(message, up, deps.now);
  return held ?? deps.linkHold(up, isUrgent) ?? "turn";
}

/** The links over which something of it is still to be sent. */
function waitingLinks(message: OutMessage): string[] {
  const begun = message.copies.filter(
    (copy) => !isFailed(copy) && copy.parts.some((part) => part.state === "waiting" || part.state === "writing"),
  );
  const open = message.routes.flatMap((_, route) => untried(message, route));
  return [...begun, ...open].map(({ link }) => link);
}

function partHold(message: OutMessage, link: string, now: number): Hold | null {
  const copy = message.copies.find((each) => each.link === link && !isFailed(each));
  const index = copy?.parts.findIndex((part) => part.state === "waiting") ?? -1;
  const part = copy?.parts[index];
  if (copy === undefined || part === undefined) return null;
  if (part.notBefore > now) return "retry";
  const before = copy.parts.slice(0, index);
  return before.some(({ state }) => state === "written" || state === "writing") ? "earlier_part" : null;
}
