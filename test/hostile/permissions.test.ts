import { PERMISSIONS } from "./corpus/permissions.ts";
import { family } from "./family.ts";

family("without a grant", PERMISSIONS);
