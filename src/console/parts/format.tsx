import { now } from "../state/time.ts";
import { printable } from "./printable.ts";

/** A text of the mesh or of a plugin: it keeps its own direction, and never becomes markup. */
export function Stranger({ text, block = false }: { readonly text: string; readonly block?: boolean }) {
  const shown = printable(text);
  return block ? (
    <div class="text" dir="auto">
      {shown}
    </div>
  ) : (
    <bdi class="stranger">{shown}</bdi>
  );
}

export function span(seconds: number): string {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1_048_576) return `${Math.round(bytes / 1024)} KB`;
  return bytes < 1_073_741_824 ? `${(bytes / 1_048_576).toFixed(1)} MB` : `${(bytes / 1_073_741_824).toFixed(1)} GB`;
}

export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

/** `awaiting_approval` as words. */
export const words = (name: string): string => name.replaceAll("_", " ");

/** How old something is, kept up to date. */
export function Age({ at, never = "never" }: { readonly at: string | null | undefined; readonly never?: string }) {
  if (at === null || at === undefined) return <span>{never}</span>;
  const seconds = (now.value - Date.parse(at)) / 1000;
  const text = seconds < -2 ? `in ${span(-seconds)}` : seconds < 5 ? "just now" : `${span(seconds)} ago`;
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {text}
    </time>
  );
}

/** How long something has lasted, kept up to date. */
export function Duration({ since }: { readonly since: string }) {
  return (
    <time dateTime={since} title={new Date(since).toLocaleString()}>
      {span((now.value - Date.parse(since)) / 1000)}
    </time>
  );
}

export function Clock({ at }: { readonly at: string }) {
  const time = new Date(at);
  return (
    <time dateTime={at} title={time.toLocaleString()}>
      {time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}
    </time>
  );
}

/** `Today`, `Yesterday`, or the date. */
export function dayName(at: number): string {
  const day = (ms: number) => new Date(ms).toDateString();
  if (day(at) === day(now.peek())) return "Today";
  if (day(at) === day(now.peek() - 86_400_000)) return "Yesterday";
  return new Date(at).toLocaleDateString([], { weekday: "long", year: "numeric", month: "long", day: "numeric" });
}
