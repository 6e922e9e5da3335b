/** Sets the limits of a plugin host where the kernel refuses one of them; says what failed and which limits hold. */
import { readFileSync } from "node:fs";
import { limitProcess } from "../../../src/host/jail/privileges.ts";
import { libc } from "../../../src/linux/libc.ts";

const problem = limitProcess(libc(), { fileBytes: 2 ** 20, openFiles: 64 }, () => "oom_score_adj: refused");
console.log(JSON.stringify({ problem, limits: readFileSync("/proc/self/limits", "utf8") }));
