import { SHARE_PORT, WEB } from "./corpus/web.ts";
import { family } from "./family.ts";

family("from a web page in the operator's browser", WEB, { gateway: { env: { ZEPHYRGATE_MESH__SHARE__PORT: String(SHARE_PORT) } } });
