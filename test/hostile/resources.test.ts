import { HANGERS, RESOURCES } from "./corpus/resources.ts";
import { family } from "./family.ts";

family("taking what others need", RESOURCES, { others: HANGERS });
