/** For the compiled binary alone: the console's bundle is put in here when that is made. See IS_COMPILED. */
import { packedConsole } from "./make.ts" with { type: "macro" };

export const PACKED_CONSOLE: string = packedConsole();
