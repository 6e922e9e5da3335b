/** Set by the bundler when the sdk's local package is made; see authoring/local-sdk. */
declare const EMBEDDED: boolean | undefined;

/**
 * This is the compiled binary, which carries inside, by macros, what is read from the folder otherwise: out of a package
 * manager's folder Bun runs no macros.
 */
export const IS_COMPILED = import.meta.path.startsWith("/$bunfs/") || (typeof EMBEDDED !== "undefined" && EMBEDDED);
