/** For the compiled binary alone: the sdk's local package is put in here when that is made. See IS_COMPILED. */
import { packedSdk } from "./make.ts" with { type: "macro" };

export const PACKED_SDK: string = packedSdk();
