import { defineTexts, type Texts } from "zephyrgate";
import de from "./locales/de.ts";
import en from "./locales/en.ts";

export const texts = defineTexts({ en, de });

/** A text of the catalogue in the language of the mesh. */
export type T = Texts<typeof en>;
