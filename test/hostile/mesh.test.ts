import { MESH, PARROT, rememberEvilNode } from "./corpus/mesh.ts";
import { family } from "./family.ts";

family("from the mesh", MESH, { others: { parrot: PARROT }, config: 'operators: ["!00000004"]', arrange: rememberEvilNode });
