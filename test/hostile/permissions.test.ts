import { PERMISSIONS } from "./corpus/permissions.ts";
import { family } from "./family.ts";

family("without a grant", PERMISSIONS, { config: 'commands: { sender_rate: 100000/min }\noperators: ["!00000004"]' });
