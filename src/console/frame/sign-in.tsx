import { useState } from "preact/hooks";
import { signedOutBecause, signIn } from "../state/session.ts";

export function SignIn() {
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setToken("");
    await signIn(token.trim());
    setBusy(false);
  };
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
        <label for="token">API token</label>
        <input
          id="token"
          type="password"
          autoComplete="current-password"
          required
          spellcheck={false}
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={busy}>
          Sign in
        </button>
        <p class="hint">
          It is the line in <code>api-token</code> in the gateway's data folder.
        </p>
      </form>
    </main>
  );
}
