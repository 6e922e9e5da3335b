import { useState } from "preact/hooks";
import { hasPassword } from "../state/me.ts";
import { type Credential, signedOutBecause, signIn } from "../state/session.ts";

export function SignIn() {
  const [by, setBy] = useState<Credential>(hasPassword.value ? "password" : "token");
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setText("");
    await signIn(by, by === "token" ? text.trim() : text);
    setBusy(false);
  };
  const other = by === "token" ? "password" : "token";
  return (
    <main class="sign-in">
      <form class="card" onSubmit={(event) => void submit(event).catch(console.error)}>
        <h1>
          <span class="logo" aria-hidden="true" /> ZephyrGate
        </h1>
        <p class="hint">Sign in to the console of this gateway.</p>
        {signedOutBecause.value !== null && (
          <p class="problem" role="alert">
            {signedOutBecause.value}
          </p>
        )}
        <label for="token">{by === "token" ? "API token" : "Password"}</label>
        <input
          id="token"
          type="password"
          autoComplete="current-password"
          required
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={busy}>
          Sign in
        </button>
        {hasPassword.value && (
          <button type="button" class="quiet" onClick={() => setBy(other)}>
            Use {other === "token" ? "a token" : "the password"} instead
          </button>
        )}
        {by === "token" && (
          <p class="hint">
            It is the line in <code>api-token</code> in the gateway's data folder, or one made by <code>zephyrgate token create</code>.
          </p>
        )}
      </form>
    </main>
  );
}
