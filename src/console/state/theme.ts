import { signal } from "@preact/signals";

export const THEMES = ["system", "dark", "light"] as const;
export type Theme = (typeof THEMES)[number];
const KEY = "zephyrgate.theme";

export const theme = signal<Theme>(THEMES.find((name) => name === localStorage.getItem(KEY)) ?? "system");

export function setTheme(next: Theme): void {
  theme.value = next;
  localStorage.setItem(KEY, next);
  applyTheme();
}

const prefersLight = matchMedia("(prefers-color-scheme: light)");
prefersLight.addEventListener("change", applyTheme);

/** Charts take their colours from the style sheet when they are drawn: they are told. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = theme.value === "system" ? (prefersLight.matches ? "light" : "dark") : theme.value;
  dispatchEvent(new Event("themechange"));
}
