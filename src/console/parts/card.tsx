import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface CardProps {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly wide?: boolean;
}

/** A titled part of a view. */
export function Card({ title, aside, children, wide = false }: CardProps) {
  const id = useId();
  return (
    <section class={wide ? "card wide" : "card"} aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** Names and values. */
export function Facts({ of }: { readonly of: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export type Tone = "good" | "warn" | "bad" | "info" | "plain";

/** A state as a word in its colour; the word alone says it too. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** A share of a limit, with marks where something changes. */
export function Meter({
  label,
  share,
  marks = [],
}: {
  readonly label: string;
  readonly share: number;
  readonly marks?: readonly number[];
}) {
  const shown = Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10;
  const tone = share >= (marks[1] ?? 2) ? "bad" : share >= (marks[0] ?? 2) ? "warn" : "good";
  return (
    <div class="meter" role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={shown}>
      <div class={`meter-bar ${tone}`} style={{ width: `${shown}%` }} />
      {marks.map((mark) => (
        <div key={mark} class="meter-mark" style={{ left: `${mark * 100}%` }} />
      ))}
    </div>
  );
}
