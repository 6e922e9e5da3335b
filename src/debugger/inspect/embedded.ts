/** For the compiled binary alone: the texts are put in here when that is made. See IS_COMPILED. */
import { debuggerFiles } from "./files.ts" with { type: "macro" };

export const DEBUGGER_FILES: [path: string, code: string][] = debuggerFiles();
