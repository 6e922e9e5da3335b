import { Empty } from "../../parts/card.tsx";
import { Clock, Stranger } from "../../parts/format.tsx";
import { addressOf, rest } from "../../state/address.ts";
import { status } from "../../state/facts.ts";
import { type Conversation, conversations, isLoaded } from "../../state/messages.ts";
import { Thread } from "./thread.tsx";
import { titleOf } from "./title.ts";

/** Chat by channel and by node: the list beside the thread, one after the other on a phone. */
export function Messages() {
  const chosen = rest.value.length > 1 ? rest.value.join("/") : null;
  return (
    <div class={chosen === null ? "chat" : "chat chosen"}>
      <nav class="conversations" aria-label="Conversations">
        <List />
      </nav>
      {chosen === null ? (
        <div class="thread none">
          <Empty>Choose a channel or a node.</Empty>
        </div>
      ) : (
        <Thread key={chosen} name={chosen} />
      )}
    </div>
  );
}

/** Channels of all links, those without a message too, then nodes. */
function List() {
  const known = new Map(conversations.value.map((each) => [each.key, each]));
  const channels = (status.value?.links ?? []).flatMap((link) =>
    link.channels.filter(({ role }) => role !== "disabled").map(({ index }) => `c/${link.name}/${index}`),
  );
  const others = [...known.keys()].filter((key) => key.startsWith("c/") && !channels.includes(key));
  const direct = conversations.value.filter(({ key }) => key.startsWith("n/"));
  if (!isLoaded.value) return <Empty>Loading</Empty>;
  return (
    <>
      <h2>Channels</h2>
      <ul>
        {[...channels, ...others].map((key) => (
          <Row key={key} name={key} conversation={known.get(key)} />
        ))}
      </ul>
      <h2>Direct</h2>
      {direct.length === 0 && <p class="hint">No direct messages. Choose a node under Nodes to write to it.</p>}
      <ul>
        {direct.map((conversation) => (
          <Row key={conversation.key} name={conversation.key} conversation={conversation} />
        ))}
      </ul>
    </>
  );
}

function Row({ name, conversation }: { readonly name: string; readonly conversation: Conversation | undefined }) {
  const isChosen = rest.value.join("/") === name;
  const last = conversation?.last;
  const count = conversation?.unread ?? 0;
  return (
    <li>
      <a href={addressOf("messages", ...name.split("/"))} aria-current={isChosen ? "true" : undefined} class={count > 0 ? "unread" : ""}>
        <span class="row">
          <strong class="cut">
            <Stranger text={titleOf(name)} />
          </strong>
          {last !== undefined && <span class="hint">{<Clock at={new Date(last.at).toISOString()} />}</span>}
        </span>
        <span class="row">
          <span class="cut hint">
            {last === undefined ? "No messages" : <Stranger text={`${last.kind === "sent" ? "You: " : ""}${last.message.text}`} />}
          </span>
          {count > 0 && (
            <span class="count">
              {count}
              <span class="only-read"> unread</span>
            </span>
          )}
        </span>
      </a>
    </li>
  );
}
