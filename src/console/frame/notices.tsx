import { span } from "../parts/format.tsx";
import { Icon } from "../parts/icon.tsx";
import { printable } from "../parts/printable.ts";
import { dismiss, notices } from "../state/notices.ts";
import { goneSince } from "../state/session.ts";
import { now } from "../state/time.ts";

/** At the edge of the screen, wherever the page is scrolled to. */
export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ id, kind, text }) => (
        <div key={id} class={`notice ${kind}`}>
          <span>{printable(text)}</span>
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}

/** Says on every view that nothing shown is live any more. */
export function GoneBanner() {
  const since = goneSince.value;
  if (since === null) return null;
  now.value; // counts up
  return (
    <div class="banner bad" role="alert" id="gone">
      <Icon name="alert" />
      <span>
        The gateway has not answered since {new Date(since).toLocaleTimeString()} ({span((Date.now() - since) / 1000)}). What you see is
        from before; the page goes on by itself when the gateway is back.
      </span>
    </div>
  );
}
