import { SQL } from "./corpus/sql.ts";
import { family } from "./family.ts";

family("SQL", SQL);
