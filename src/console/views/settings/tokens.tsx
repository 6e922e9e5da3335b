import { useState } from "preact/hooks";
import { type Answer, call } from "../../api/call.ts";
import type { TokenView } from "../../api/types.ts";
import { Badge, Card } from "../../parts/card.tsx";
import { Age } from "../../parts/format.tsx";
import { useList } from "../../parts/loaded.ts";
import { tell, valueOrTell } from "../../state/notices.ts";
import { goneSince } from "../../state/session.ts";

interface Issued {
  readonly name: string;
  readonly role: string;
  readonly token: string;
}

/** Who may do what: one token for each person and program, so that each can be taken back. */
export function Tokens() {
  const tokens = useList<TokenView>("tokens");
  const [issued, setIssued] = useState<readonly Issued[]>([]);
  const off = goneSince.value !== null;
  const take = async (work: Promise<Answer<Issued>>) => {
    const made = valueOrTell(await work, "Token");
    // Nobody can read one again: each stays until it is hidden, whatever is done meanwhile.
    if (made !== null) setIssued((old) => [...old.filter(({ name }) => name !== made.name), made]);
    tokens.again();
    return made !== null;
  };
  const rotate = (name: string) => void take(call<Issued>("POST", `tokens/${name}/rotate`)).catch(console.error);
  const revoke = async (name: string) => {
    const answer = await call("DELETE", `tokens/${name}`);
    if (answer.ok) tell("done", `${name} is revoked.`);
    else valueOrTell(answer, "Token");
    tokens.again();
  };
  return (
    <Card title="Tokens" wide>
      {issued.map(({ name, role, token }) => (
        <div key={name} class="banner good" role="status">
          <div class="grow">
            The token of {name} ({role}), shown this once: <code class="token">{token}</code>
          </div>
          <button type="button" onClick={() => setIssued((old) => old.filter((each) => each.name !== name))}>
            Hide<span class="only-read"> the token of {name}</span>
          </button>
        </div>
      ))}
      <ul class="permissions">
        {(tokens.value ?? []).map(({ name, role, used_at, sessions }) => (
          <li key={name}>
            <div class="grow">
              <strong>{name}</strong> <Badge tone={role === "admin" ? "warn" : "plain"}>{role}</Badge>
              <p class="hint">
                used <Age at={used_at} never={name === "api-token" ? "(not recorded)" : "never"} />
                {sessions > 0 && `, ${sessions} ${sessions === 1 ? "browser" : "browsers"} signed in`}
              </p>
            </div>
            <div class="actions">
              <button type="button" disabled={off} onClick={() => rotate(name)}>
                Renew<span class="only-read"> {name}</span>
              </button>
              {name !== "api-token" && (
                <button type="button" class="danger" disabled={off} onClick={() => void revoke(name).catch(console.error)}>
                  Revoke<span class="only-read"> {name}</span>
                </button>
              )}
            </div>
          </li>
        ))}
      </ul>
      <NewToken off={off} create={(name, role) => take(call<Issued>("POST", "tokens", { name, role }))} />
    </Card>
  );
}

function NewToken({ off, create }: { readonly off: boolean; create(name: string, role: string): Promise<boolean> }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState("read");
  return (
    <form
      class="form row"
      onSubmit={(event) => {
        event.preventDefault();
        create(name, role)
          .then((isMade) => isMade && setName((now) => (now === name ? "" : now)))
          .catch(console.error);
      }}
    >
      <label>
        Name
        <input
          required
          maxLength={32}
          pattern="[a-z][a-z0-9_\-]*"
          placeholder="prometheus"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label>
        Role
        <select value={role} onChange={(event) => setRole(event.currentTarget.value)}>
          <option value="read">read: looks</option>
          <option value="operate">operate: runs what is installed</option>
          <option value="admin">admin: decides what that is</option>
        </select>
      </label>
      <button type="submit" disabled={off}>
        Make a token
      </button>
    </form>
  );
}
