import project from "../package.json" with { type: "json" };

/** Of package.json; embedded in the binary. */
export const VERSION: string = project.version;
