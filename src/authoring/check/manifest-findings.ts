/** What a valid manifest says that its author hardly means. */
import type { Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** What regular expressions have and words of people do not. */
const LIKE_REGEX = /^\^|\$$|\\[bdswBDSW.]|\.[*+]|\[[^\]]*\]|\([^)]*\||\w\|\w|\w\?[^\s]|\(\?/;

export function manifestFindings({ manifest, yaml }: Subject): Finding[] {
  return (manifest.capabilities.keywords ?? []).flatMap(({ pattern }, index): Finding[] => {
    if (!LIKE_REGEX.test(pattern)) return [];
    const path = ["capabilities", "keywords", index, "pattern"];
    return [
      {
        level: "warning",
        file: yaml.file,
        ...yaml.place(path),
        field: path.join("."),
        message: `${JSON.stringify(pattern)} looks like a regular expression, and is compared as words`,
        hint: "write the words, a keyword for each way to say it; * is any letters of a word: storm*",
      },
    ];
  });
}
