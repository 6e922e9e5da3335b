/** Names the file of {@link coverage}, in the environment of the author's tests. */
export const COVERAGE_FILE = "ZG_COVERAGE_FILE";
