/** Set by the bundler when the sdk's local package or the package of `npm create` is made; see authoring/local-sdk, cli/npm-create.ts. */
declare const EMBEDDED: boolean | undefined;

/**
 * This is the compiled binary, which carries inside, by macros, what is read from the folder otherwise: out of a package
 * manager's folder Bun runs no macros.
 */
export const IS_COMPILED = (typeof EMBEDDED !== "undefined" && EMBEDDED) || import.meta.path.startsWith("/$bunfs/");
