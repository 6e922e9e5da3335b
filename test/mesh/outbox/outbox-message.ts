import { createMessage } from "../../../src/mesh/outbox/admission.ts";
import type { OutMessage } from "../../../src/mesh/outbox/message/message.ts";
import type { OutboxRequest } from "../../../src/mesh/outgoing.ts";
import { FakeClock } from "../../fake-clock.ts";
import { text } from "../outbox-support.ts";

let count = 0;

/** A message as the outbox makes it, with ids that tell it from every other. */
export function message(change: Partial<OutboxRequest> = {}, clock = new FakeClock()): OutMessage {
  return createMessage(
    { id: `m_${String(++count).padStart(26, "0")}`, request: text(change), routes: [[{ link: "base", index: 0 }]] },
    clock,
    () => ++count,
  );
}
