/**
 * This is the compiled binary, which carries inside, by macros, what is read from the folder otherwise: out of a package
 * manager's folder Bun runs no macros.
 */
export const IS_COMPILED = import.meta.path.startsWith("/$bunfs/");
