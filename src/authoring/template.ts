/** What a plugin is generated from: text with `{{value}}`, and lines `{{#feature}}`, `{{^feature}}`, `{{/feature}}` around parts. */
import { GatewayError } from "../errors.ts";

export interface View {
  readonly values: Readonly<Record<string, string>>;
  readonly features: Readonly<Record<string, boolean>>;
}

/** Fills one file. A name that the view lacks is a fault of the template. */
export function render(text: string, view: View): string {
  const kept: string[] = [];
  // One for each part that is open: whether its lines are kept.
  const open: { name: string; keep: boolean }[] = [];
  for (const line of text.split("\n")) {
    const [, mark, name = ""] = /^\{\{([#^/])(\w+)\}\}$/.exec(line) ?? [];
    if (mark === "/") {
      if (open.pop()?.name !== name) throw new GatewayError("internal", `the template closes ${name}, which is not open`);
    } else if (mark !== undefined) open.push({ name, keep: known(view.features, name) === (mark === "#") });
    else if (open.every((part) => part.keep)) kept.push(line.replace(/\{\{([\w.]+)\}\}/g, (_, each: string) => known(view.values, each)));
  }
  if (open.length > 0) throw new GatewayError("internal", `the template leaves ${open.map((part) => part.name).join(", ")} open`);
  return kept.join("\n");
}

function known<T>(map: Readonly<Record<string, T>>, name: string): T {
  const value = Object.hasOwn(map, name) ? map[name] : undefined;
  if (value === undefined) throw new GatewayError("internal", `the template uses ${name}, which is not known`);
  return value;
}
