import { useState } from "preact/hooks";
import { call } from "../../api/call.ts";
import { Card } from "../../parts/card.tsx";
import { hasPassword, loadMe } from "../../state/me.ts";
import { tell, valueOrTell } from "../../state/notices.ts";
import { goneSince } from "../../state/session.ts";

/** Optional: signing in to this page by a password instead of a token. */
export function Password() {
  const [text, setText] = useState("");
  const change = async (next: string | null) => {
    const answer = await (next === null ? call("DELETE", "password") : call("PUT", "password", { password: next }));
    if (!answer.ok) {
      valueOrTell(answer, "Password");
      return;
    }
    setText((now) => (now === next ? "" : now));
    tell("done", next === null ? "The password is removed." : "The password is set.");
    await loadMe();
  };
  return (
    <Card title="Password of this page" wide>
      <p class="hint">
        {hasPassword.value ? "A password is set: whoever has it may do everything." : "None is set: one signs in by token."}
      </p>
      <form
        class="form row"
        onSubmit={(event) => {
          event.preventDefault();
          void change(text).catch(console.error);
        }}
      >
        <label>
          New password
          <input
            type="password"
            required
            autoComplete="new-password"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={goneSince.value !== null}>
          Set
        </button>
        {hasPassword.value && (
          <button type="button" class="danger" disabled={goneSince.value !== null} onClick={() => void change(null).catch(console.error)}>
            Remove it
          </button>
        )}
      </form>
    </Card>
  );
}
