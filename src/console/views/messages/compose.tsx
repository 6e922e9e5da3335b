import { useState } from "preact/hooks";
import { countParts, PART_BYTES, PARTS_MAX } from "../../../mesh/codec/text.ts";
import { call } from "../../api/call.ts";
import { Icon } from "../../parts/icon.tsx";
import { loadMessages } from "../../state/messages.ts";
import { valueOrTell } from "../../state/notices.ts";
import { goneSince } from "../../state/session.ts";

/** Unsent texts outlive a change of the view. */
const drafts = new Map<string, string>();
const encoder = new TextEncoder();

export function Compose({ name }: { readonly name: string }) {
  const [text, setDraft] = useState(drafts.get(name) ?? "");
  const [busy, setBusy] = useState(false);
  const bytes = encoder.encode(text).length;
  const parts = countParts(text);
  const tooLong = bytes > PART_BYTES * PARTS_MAX;
  const setText = (next: string) => {
    drafts.set(name, next);
    setDraft(next);
  };
  const send = async () => {
    if (text.trim() === "" || busy || tooLong) return;
    setBusy(true);
    const sent = valueOrTell(await call<{ id: string }>("POST", "messages", { text, ...destinationOf(name) }), "Not sent");
    setBusy(false);
    if (sent === null) return;
    // What was typed meanwhile is the next text.
    const now = drafts.get(name) ?? "";
    setText(now.startsWith(text) ? now.slice(text.length) : now);
    await loadMessages();
  };
  return (
    <form
      class="compose"
      onSubmit={(event) => {
        event.preventDefault();
        void send().catch(console.error);
      }}
    >
      <label class="only-read" for="compose">
        Message
      </label>
      <textarea
        id="compose"
        rows={2}
        dir="auto"
        value={text}
        placeholder="Message"
        aria-describedby="compose-size"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          void send().catch(console.error);
        }}
      />
      <span id="compose-size" class={tooLong ? "hint bad" : "hint"}>
        {bytes} of {PART_BYTES} bytes{parts > 1 && `, ${parts} parts`}
        {tooLong && `: too long, at most ${PARTS_MAX} parts`}
      </span>
      <button type="submit" class="primary" disabled={busy || text.trim() === "" || tooLong || goneSince.value !== null}>
        <Icon name="send" /> Send
      </button>
    </form>
  );
}

function destinationOf(name: string): { destination?: string; channel?: string | number } {
  const [kind, first = "", index = "0"] = name.split("/");
  return kind === "n" ? { destination: first } : { channel: `${first}/${index}` };
}
