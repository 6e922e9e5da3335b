import { useState } from "preact/hooks";
import { call } from "../../../api/call.ts";
import { Card } from "../../../parts/card.tsx";
import { useList } from "../../../parts/loaded.ts";
import { tell, valueOrTell } from "../../../state/notices.ts";
import { goneSince } from "../../../state/session.ts";

/** Names only: nobody can read a secret's value again. */
export function Secrets({ name }: { readonly name: string }) {
  const base = `plugins/${encodeURIComponent(name)}/secrets`;
  const secrets = useList<{ readonly key: string }>(base);
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const change = async (done: string, work: ReturnType<typeof call>) => {
    const answer = await work;
    if (answer.ok) tell("done", done);
    else valueOrTell(answer, "Secret");
    secrets.again();
    return answer.ok;
  };
  const add = async () => {
    const isStored = await change(`${key} is stored.`, call("PUT", `${base}/${encodeURIComponent(key)}`, { value }));
    if (!isStored) return;
    // What was typed meanwhile is the next one.
    setKey((now) => (now === key ? "" : now));
    setValue((now) => (now === value ? "" : now));
  };
  return (
    <Card title="Secrets" wide>
      <ul class="lines">
        {(secrets.value ?? []).map((secret) => (
          <li key={secret.key} class="row">
            <code>{secret.key}</code> <span class="hint">stored, encrypted</span>
            <button
              type="button"
              class="danger"
              onClick={() =>
                void change(`${secret.key} is removed.`, call("DELETE", `${base}/${encodeURIComponent(secret.key)}`)).catch(console.error)
              }
            >
              Remove<span class="only-read"> {secret.key}</span>
            </button>
          </li>
        ))}
      </ul>
      {secrets.value?.length === 0 && <p class="hint">None is stored. A secret's value is never shown again.</p>}
      <form
        class="form row"
        onSubmit={(event) => {
          event.preventDefault();
          void add().catch(console.error);
        }}
      >
        <label>
          Name
          <input required value={key} pattern="[A-Za-z][A-Za-z0-9_.\-]*" onInput={(event) => setKey(event.currentTarget.value)} />
        </label>
        <label>
          Value
          <input required type="password" autoComplete="off" value={value} onInput={(event) => setValue(event.currentTarget.value)} />
        </label>
        <button type="submit" disabled={goneSince.value !== null}>
          Store
        </button>
      </form>
    </Card>
  );
}
