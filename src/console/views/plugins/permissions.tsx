import { useState } from "preact/hooks";
import { type Answer, call } from "../../api/call.ts";
import type { PluginSummary } from "../../api/types.ts";
import { Badge, Card, Empty } from "../../parts/card.tsx";
import { Stranger } from "../../parts/format.tsx";
import { useLoaded } from "../../parts/loaded.ts";
import { isWaiting, loadPlugins, plugins } from "../../state/facts.ts";
import { may } from "../../state/me.ts";
import { tell, valueOrTell } from "../../state/notices.ts";
import { goneSince } from "../../state/session.ts";

interface Explained {
  readonly permission: unknown;
  readonly words: string;
  readonly risk: string;
}

interface Permissions {
  readonly permission_hash: string;
  readonly granted: readonly unknown[];
  readonly denied: readonly unknown[];
  readonly held_back: readonly unknown[];
  readonly explained: readonly Explained[];
}

const same = (a: unknown) => (b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** What it asks for, in words and with what can go wrong; each granted, denied or taken back on its own. */
export function PluginPermissions({ name, again }: { readonly name: string; again(): void }) {
  const plugin = plugins.value?.find((each) => each.name === name);
  const path = `plugins/${encodeURIComponent(name)}`;
  const loaded = useLoaded<Permissions>(`${path}/permissions`, JSON.stringify([plugin?.state, plugin?.pending]));
  const [busy, setBusy] = useState(false);
  if (plugin === undefined || loaded.value === null) return <Empty>Loading</Empty>;
  const during = (what: string, work: Promise<Answer<unknown>>) => {
    setBusy(true);
    work
      .then((answer) => {
        if (valueOrTell(answer, what) !== null) tell("done", `${name}: ${what}.`);
        loaded.again();
        again();
        return loadPlugins();
      })
      .finally(() => setBusy(false))
      .catch(console.error);
  };
  const { explained, permission_hash } = loaded.value;
  const off = busy || goneSince.value !== null || !may("admin");
  return (
    <div class="grid">
      {isWaiting(plugin) && (
        <Review
          plugin={plugin}
          off={off}
          accept={() => during("accepted and enabled", call("POST", `${path}/enable`, { accept: permission_hash }))}
        />
      )}
      <Card title="What it asks for" wide>
        {!may("admin") && <p class="hint">Only a token of the role admin may change this.</p>}
        {explained.length === 0 && <Empty>It asks for nothing.</Empty>}
        <ul class="permissions">
          {explained.map((each) => (
            <Entry
              key={each.words}
              entry={each}
              permissions={loaded.value ?? undefined}
              isWaiting={isWaiting(plugin)}
              off={off}
              grant={() => during("granted", call("POST", `${path}/permissions`, { permission: each.permission }))}
              revoke={() => during("revoked", call("DELETE", `${path}/permissions`, { permission: each.permission }))}
              deny={() => during("denied", call("POST", `${path}/permissions/deny`, { permission: each.permission }))}
            />
          ))}
        </ul>
      </Card>
    </div>
  );
}

interface ReviewProps {
  readonly plugin: PluginSummary;
  readonly off: boolean;
  accept(): void;
}

function Review({ plugin: { name, version, pending, reason }, off, accept }: ReviewProps) {
  const shown = (entry: unknown) => (typeof entry === "string" ? entry : JSON.stringify(entry));
  return (
    <Card title={`${name} ${pending?.version ?? version} waits for you`} wide>
      <p>
        <Stranger text={pending?.reason ?? reason ?? "Read below what it asks for. It can do nothing that it did not ask for."} />
      </p>
      {pending && (
        <ul class="lines">
          {pending.added.map((entry) => (
            <li key={shown(entry)}>
              <Badge tone="warn">new</Badge> <Stranger text={shown(entry)} />
            </li>
          ))}
          {pending.removed.map((entry) => (
            <li key={shown(entry)}>
              <Badge tone="plain">no longer</Badge> <Stranger text={shown(entry)} />
            </li>
          ))}
        </ul>
      )}
      <div class="actions end">
        <button type="button" id="accept" class="primary" disabled={off} onClick={accept}>
          Accept and enable
        </button>
      </div>
    </Card>
  );
}

interface EntryProps {
  readonly entry: Explained;
  readonly permissions: Permissions | undefined;
  readonly isWaiting: boolean;
  readonly off: boolean;
  grant(): void;
  revoke(): void;
  deny(): void;
}

function Entry({ entry: { permission, words, risk }, permissions, isWaiting: waits, off, grant, revoke, deny }: EntryProps) {
  const is = (list: readonly unknown[] | undefined) => list?.some(same(permission)) === true;
  const isDenied = is(permissions?.denied);
  const isGranted = !isDenied && is(permissions?.granted);
  const state = isDenied ? "denied" : isGranted ? "granted" : waits ? "asked for" : "held back";
  return (
    <li data-permission={words}>
      <div class="grow">
        <strong>
          <Stranger text={words} />
        </strong>{" "}
        <Badge tone={isDenied ? "bad" : isGranted ? "good" : "warn"}>{state}</Badge>
        <p class="hint">It {risk}.</p>
      </div>
      <div class="actions">
        {!isGranted && !waits && !isDenied && (
          <button type="button" disabled={off} onClick={grant}>
            Grant<span class="only-read"> {words}</span>
          </button>
        )}
        {isGranted && (
          <button type="button" disabled={off} onClick={revoke}>
            Revoke<span class="only-read"> {words}</span>
          </button>
        )}
        {isDenied ? (
          <button type="button" disabled={off} onClick={grant}>
            Allow again<span class="only-read"> {words}</span>
          </button>
        ) : (
          <button type="button" class="danger" disabled={off} onClick={deny}>
            Deny<span class="only-read"> {words} for good</span>
          </button>
        )}
      </div>
    </li>
  );
}
