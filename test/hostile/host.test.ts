import { fileURLToPath } from "node:url";
import { HOST } from "./corpus/host.ts";
import { family } from "./family.ts";

/** These two share a host; each of the others may lose its own without keeping the next one waiting. */
const TOGETHER = ["host_foreign_token", "host_revoked_token"];
const apart = HOST.map(({ name }) => name).filter((name) => !TOGETHER.includes(name));

family("from a host that was taken over", HOST, {
  plugins: `  isolation: { own_host: [victim, ${apart.join(", ")}] }\n`,
  gateway: { banner: false, command: [process.execPath, fileURLToPath(new URL("takeover/gateway.ts", import.meta.url))] },
});
