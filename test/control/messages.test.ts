import { expect, test } from "bun:test";
import { Messages, type MessagesDeps } from "../../src/control/messages.ts";
import type { MessageStatus } from "../../src/mesh/outgoing.ts";
import { status } from "../api/fake-control.ts";

/** A history of so many messages, newest first, as the outbox keeps it. */
function history(count: number): Messages {
  const all: MessageStatus[] = Array.from({ length: count }, (_, at) =>
    status({
      id: `m_${String(count - at).padStart(26, "0")}`,
      sender: at % 3 === 0 ? { kind: "plugin", plugin: "ping" } : { kind: "operator" },
    }),
  );
  const outbox: Pick<MessagesDeps["outbox"], "list"> = {
    list: ({ before, limit = 100 } = {}) => all.filter(({ id }) => before === undefined || id < before).slice(0, Math.min(limit, 500)),
  };
  return new Messages({ outbox } as MessagesDeps);
}

function pages(messages: Messages, limit: number, plugin?: string): string[] {
  const ids: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 2000; page++) {
    const answer = messages.list({ plugin }, { limit, cursor });
    if (!answer.ok) throw answer.error;
    ids.push(...answer.value.items.map(({ id }) => id));
    if (answer.value.next === null) return ids;
    cursor = answer.value.next;
  }
  throw new Error("the pages do not end");
}

test("page after page the whole history comes, once and in order, whatever the page's size", () => {
  for (const count of [0, 1, 499, 500, 501, 1000, 1001, 1600]) {
    const messages = history(count);
    for (const limit of [1, 7, 100, 499, 500]) {
      if (limit === 1 && count > 501) continue;
      const ids = pages(messages, limit);
      expect([count, limit, ids.length]).toEqual([count, limit, count]);
      expect(ids).toEqual([...new Set(ids)].sort().reverse());
      expect([count, limit, pages(messages, limit, "ping").length]).toEqual([count, limit, Math.ceil(count / 3)]);
    }
  }
});
