import { useState } from "preact/hooks";
import { call } from "../../api/call.ts";
import type { PluginDetail, PluginSummary } from "../../api/types.ts";
import { Badge, Card, Facts } from "../../parts/card.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Age, Duration, Stranger, size, span, words } from "../../parts/format.tsx";
import { addressOf, go } from "../../state/address.ts";
import { isWaiting, loadPlugins, plugins, status } from "../../state/facts.ts";
import { may } from "../../state/me.ts";
import { tell, valueOrTell } from "../../state/notices.ts";
import { goneSince } from "../../state/session.ts";

export function PluginOverview({ name, detail }: { readonly name: string; readonly detail: PluginDetail | null }) {
  const plugin = plugins.value?.find((each) => each.name === name);
  if (plugin === undefined) return null;
  return (
    <div class="grid">
      {isWaiting(plugin) && (
        <p class="banner warn wide">
          <span class="grow">{plugin.pending?.reason ?? "It waits until you have seen what it asks for."}</span>
          <a class="button primary" href={addressOf("plugins", name, "permissions")}>
            Review
          </a>
        </p>
      )}
      <State plugin={plugin} />
      <Use plugin={plugin} limits={detail?.limits ?? {}} />
      <Answers detail={detail} />
      <About detail={detail} />
    </div>
  );
}

function State({ plugin }: { readonly plugin: PluginSummary }) {
  const { name, state, reason, since, failures, restarts, disabled_by, health, metrics } = plugin;
  return (
    <Card title="State">
      {reason && (
        <p class={state === "running" ? "hint" : "problem"}>
          <Stranger text={reason} />
        </p>
      )}
      <Facts
        of={[
          ["State", words(state)],
          ["For", <Duration key="since" since={since} />],
          ["Health", health.detail ? `${health.status}: ${health.detail}` : health.status],
          ["Checked", <Age key="checked" at={health.checked_at} />],
          ["Failures in a row", failures],
          ["Restarts", restarts],
          ["Running for", state === "running" ? span(metrics.uptime_s) : "-"],
          ["Disabled by", disabled_by ?? "-"],
        ]}
      />
      {may("operate") && <Actions name={name} state={state} bundled={plugin.bundled} />}
    </Card>
  );
}

function Actions({ name, state, bundled }: { readonly name: string; readonly state: string; readonly bundled: boolean }) {
  const [busy, setBusy] = useState(false);
  const [isRemoving, setRemoving] = useState(false);
  const path = `plugins/${encodeURIComponent(name)}`;
  const act = (verb: "enable" | "disable" | "restart" | "reload") => () => {
    setBusy(true);
    call<PluginSummary>("POST", `${path}/${verb}`)
      .then((answer) => {
        const changed = valueOrTell(answer, `${name}: ${verb}`);
        if (changed !== null) tell("done", `${name}: ${words(changed.state)}.`);
        return loadPlugins();
      })
      .finally(() => setBusy(false))
      .catch(console.error);
  };
  const off = busy || goneSince.value !== null;
  const isDown = state === "disabled" || state === "failed" || state === "stopped";
  return (
    <div class="actions end">
      <button type="button" data-action={isDown ? "enable" : "disable"} disabled={off} onClick={act(isDown ? "enable" : "disable")}>
        {isDown ? "Enable" : "Disable"}
      </button>
      <button type="button" data-action="restart" disabled={off} onClick={act("restart")}>
        Restart
      </button>
      <button type="button" data-action="reload" disabled={off} onClick={act("reload")}>
        Reload
      </button>
      {may("admin") && (
        <a class="button" href={`./api/v1/${path}/export`} download={`${name}.zgd`}>
          Export data
        </a>
      )}
      {!bundled && may("admin") && (
        <button type="button" class="danger" disabled={off} onClick={() => setRemoving(true)}>
          Remove
        </button>
      )}
      {isRemoving && <RemoveDialog name={name} close={() => setRemoving(false)} />}
    </div>
  );
}

function RemoveDialog({ name, close }: { readonly name: string; close(): void }) {
  const [purge, setPurge] = useState(false);
  const remove = async () => {
    const answer = await call("DELETE", `plugins/${encodeURIComponent(name)}?purge=${purge}`);
    if (!answer.ok) {
      valueOrTell(answer, "Not removed");
      return;
    }
    close();
    go("plugins");
    tell("done", `${name} is removed.`);
    await loadPlugins();
  };
  return (
    <Dialog title={`Remove ${name}?`} onClose={close}>
      <p>Its grants, settings and secrets go. Its data is kept for a later installation, unless you delete it now.</p>
      <label class="row">
        <input type="checkbox" checked={purge} onChange={(event) => setPurge(event.currentTarget.checked)} /> Delete its data too
      </label>
      <div class="actions end">
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button type="button" class="danger" onClick={() => void remove().catch(console.error)}>
          Remove
        </button>
      </div>
    </Dialog>
  );
}

function Use({ plugin: { name, metrics }, limits }: { readonly plugin: PluginSummary; readonly limits: Readonly<Record<string, number>> }) {
  const ms = (seconds: number | null) => (seconds === null ? "-" : `${(seconds * 1000).toFixed(1)} ms`);
  const of = (limit: number | undefined) => (limit === undefined ? "" : ` of ${limit} MB`);
  const airtime = status.value?.outbox.airtime.plugins[name] ?? 0;
  return (
    <Card title="What it uses">
      <Facts
        of={[
          ["Memory", `${size(metrics.memory_bytes)}${of(limits.memory_mb)}`],
          ["Storage", `${size(metrics.storage_bytes)}${of(limits.storage_mb)}`],
          ["Processor time", `${metrics.cpu_s.toFixed(1)} s`],
          ["Calls", `${metrics.calls}, ${metrics.call_errors} failed`],
          ["Latency, median", ms(metrics.latency_p50_s)],
          ["Latency, 99 %", ms(metrics.latency_p99_s)],
          ["Messages sent", metrics.messages_sent],
          ["Airtime, last hour", `${airtime.toFixed(1)} s`],
          ["HTTP requests", metrics.http_requests],
          ["Replies dropped", metrics.replies_dropped],
          ["Waiting calls", metrics.queue_depth],
          ["Log lines dropped", metrics.log_lines_dropped],
        ]}
      />
    </Card>
  );
}

interface Declared {
  readonly name?: string;
  readonly pattern?: string;
  readonly description?: string;
}

function Answers({ detail }: { readonly detail: PluginDetail | null }) {
  const of = (key: string) => (Array.isArray(detail?.capabilities[key]) ? (detail.capabilities[key] as Declared[]) : []);
  const commands = of("commands");
  const keywords = of("keywords");
  return (
    <Card title="What it answers">
      {commands.length + keywords.length === 0 && <p class="hint">No commands and no keywords.</p>}
      <ul class="lines">
        {[...commands, ...keywords].map(({ name, pattern, description }) => (
          <li key={name ?? pattern}>
            <code>
              <Stranger text={name ?? `/${pattern}/`} />
            </code>{" "}
            <span class="hint">
              <Stranger text={description ?? ""} />
            </span>
          </li>
        ))}
      </ul>
      {detail?.conflicts.map(({ command, plugins: others }) => (
        <p key={command}>
          <Badge tone="warn">shared</Badge> <code>{command}</code> is also answered by {others.join(", ")}
        </p>
      ))}
    </Card>
  );
}

function About({ detail }: { readonly detail: PluginDetail | null }) {
  if (detail === null) return null;
  return (
    <Card title="About">
      <p>
        <Stranger text={detail.description ?? ""} />
      </p>
      <Facts
        of={[
          ["Author", <Stranger key="author" text={detail.author ?? "-"} />],
          ["Licence", <Stranger key="licence" text={detail.license ?? "-"} />],
          ["Home page", <Stranger key="home" text={detail.homepage ?? "-"} />],
          ["Place", <Stranger key="path" text={detail.path ?? "-"} />],
        ]}
      />
    </Card>
  );
}
