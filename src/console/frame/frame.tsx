import { useEffect, useRef } from "preact/hooks";
import { words } from "../parts/format.tsx";
import { Icon } from "../parts/icon.tsx";
import { addressOf, VIEWS, type ViewName, view } from "../state/address.ts";
import { hasRegion, openAlerts, status, waitingPlugins } from "../state/facts.ts";
import { unread } from "../state/messages.ts";
import { goneSince, signOut } from "../state/session.ts";
import { ViewOf } from "../views/views.tsx";
import { GoneBanner } from "./notices.tsx";
import { SilenceBanner, SilenceButton } from "./silence.tsx";

const TITLES: Readonly<Record<ViewName, string>> = {
  overview: "Overview",
  messages: "Messages",
  nodes: "Nodes",
  plugins: "Plugins",
  region: "Region",
  log: "Log and audit",
  settings: "Settings",
};

export function Frame() {
  const main = useRef<HTMLElement>(null);
  const shown = useRef(view.value);
  const name = view.value;
  useEffect(() => {
    document.title = `${unread.value > 0 ? `(${unread.value}) ` : ""}${TITLES[name]} - ZephyrGate`;
    if (shown.current === name) return;
    shown.current = name;
    // As a new page would: a screen reader reads the title, and the keyboard begins there.
    main.current?.focus();
    scrollTo(0, 0);
  }, [name, unread.value]);
  return (
    <div class={goneSince.value === null ? "frame" : "frame stale"}>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <Top />
      <Navigation />
      <main ref={main} tabIndex={-1} aria-labelledby="view-title">
        <GoneBanner />
        <SilenceBanner />
        <h1 id="view-title">{TITLES[name]}</h1>
        <ViewOf name={name} />
      </main>
    </div>
  );
}

function Top() {
  const known = status.value;
  const down = known?.links.filter((link) => link.state !== "up") ?? [];
  const gone = goneSince.value !== null;
  return (
    <header class="top">
      <a class="brand" href={addressOf("overview")}>
        <span class="logo" aria-hidden="true" />
        <span>ZephyrGate</span>
      </a>
      <span class={`pulse ${gone ? "bad" : down.length > 0 ? "warn" : "good"}`} id="connection">
        {gone
          ? "No answer"
          : down.length > 0
            ? `${down.map((link) => link.name).join(", ")} ${words(down[0]?.state ?? "")}`
            : "All links up"}
      </span>
      {known?.safe_mode && <span class="pulse warn">Safe mode</span>}
      <span class="grow" />
      <SilenceButton />
      <button type="button" class="quiet" id="sign-out" onClick={() => void signOut().catch(console.error)}>
        Sign out
      </button>
    </header>
  );
}

function Navigation() {
  const counts: Partial<Record<ViewName, readonly [count: number, what: string]>> = {
    overview: [openAlerts.value.length, "open alerts"],
    messages: [unread.value, "unread"],
    plugins: [waitingPlugins.value.length, "waiting for you"],
  };
  return (
    <nav class="views" aria-label="Views">
      {VIEWS.filter((name) => name !== "region" || hasRegion.value || view.value === "region").map((name) => {
        const [count = 0, what = ""] = counts[name] ?? [];
        return (
          <a key={name} href={addressOf(name)} aria-current={view.value === name ? "page" : undefined}>
            <Icon name={name} />
            <span class="label">{name === "log" ? "Log" : TITLES[name]}</span>
            {count > 0 && (
              <span class={name === "overview" ? "count bad" : "count"}>
                {count > 99 ? "99+" : count}
                <span class="only-read"> {what}</span>
              </span>
            )}
          </a>
        );
      })}
    </nav>
  );
}
