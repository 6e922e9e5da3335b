/** For the compiled binary alone: the sdk's text is put in here when that is made. See IS_COMPILED. */
import { sdkSource } from "./sdk-source.ts" with { type: "macro" };

export const SDK_SOURCE: [name: string, code: string][] = sdkSource();
