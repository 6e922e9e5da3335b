/** What the gateway itself says on the air, in the language of the configuration. */
import type { CatalogueText, Texts } from "../sdk/texts.ts";
import { ALERTS } from "./alerts.ts";
import { byteLength, cutToBytes, MESSAGE_BYTES } from "./fit.ts";
import de from "./locales/de.ts";
import en from "./locales/en.ts";

export type GatewayTexts = Texts<typeof en>;

export interface AlertWords {
  readonly code: string;
  /** English, with the details. */
  readonly message: string;
  readonly plugin?: string;
  readonly link?: string;
  /** The other site of the region that it is of. */
  readonly site?: string;
}

type Catalogue = { readonly [key in keyof typeof en]: CatalogueText };

const LANGUAGES: ReadonlyMap<string, Catalogue> = new Map<string, Catalogue>([
  ["en", en],
  ["de", de],
]);

/** What alerts begin with in any language. No emergency word, or an operator's node that is a gateway too would answer alerts with alerts. */
export const ALERT_MARKS: readonly string[] = [en, de].map(({ alert }) => alert.replace(" {message}", ""));

/** `language` is asked anew for each text, because the configuration may change. */
export function gatewayTexts(language: () => string): GatewayTexts {
  return (key, ...values) => filled((LANGUAGES.get(baseOf(language())) ?? en)[key], values[0] ?? {});
}

/** `de` of `de-AT`. */
function baseOf(language: string): string {
  return language.toLowerCase().split("-", 1)[0] ?? "";
}

/** In one pass, so that a value that holds braces itself is not filled again. */
function filled(entry: CatalogueText, values: { readonly [name: string]: string | number }): string {
  const text = typeof entry === "string" ? entry : values.count === 1 ? entry.one : entry.other;
  return text.replace(/\{(\w+)\}/g, (braces, name: string) => String(values[name] ?? braces));
}

/** An alert, or its end, in one message. */
export function alertText(language: string, alert: AlertWords, change: "raised" | "cleared"): string {
  const { code, plugin = "", link = "", site } = alert;
  const words = ALERTS.get(baseOf(language))?.get(code);
  const what = words?.replaceAll("{plugin}", plugin).replaceAll("{link}", link) ?? alert.message;
  const say = gatewayTexts(() => language);
  const message = site === undefined ? what : say("at_site", { site, text: what });
  return cutToBytes(say(change === "raised" ? "alert" : "alert_over", { message }));
}

/** As many names as fit one message, then how many more there are. `whole` makes the message of the list. */
export function fitNames(say: GatewayTexts, names: readonly string[], whole: (list: string) => string, bytes = MESSAGE_BYTES): string {
  for (let shown = names.length; shown > 0; shown--) {
    const listed = names.slice(0, shown).join(", ");
    const more = names.length - shown;
    const text = whole(more === 0 ? listed : say("sos_and_more", { names: listed, count: more }));
    if (byteLength(text) <= bytes) return text;
  }
  return cutToBytes(whole(names.join(", ")), bytes);
}
