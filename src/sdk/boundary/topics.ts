/** Names of a plugin's topics in a region, as both sides check them. */

/** What a name of a topic looks like, in words. */
export const TOPIC_FORM = "1 to 64 lower-case letters, digits, dots, dashes and underscores, a letter or digit first";
/** Characters of the longest name. */
export const TOPIC_MAX = 64;

/** The same as a pattern, for schemas. */
export const TOPIC_PATTERN = "^[a-z0-9][a-z0-9._-]{0,63}$";

/** Why this is no topic; null when it is one. Every topic is the plugin's own, so a name cannot say whose it is. */
export function topicProblem(topic: string): string | null {
  if (topic.length >= 1 && topic.length <= TOPIC_MAX && isPlain(topic)) return null;
  return `A topic has ${TOPIC_FORM}; it is always the plugin's own`;
}

/** Without methods: this also runs in a realm whose plugin may have replaced them. */
function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text[at] ?? "";
    const isWord = (unit >= "a" && unit <= "z") || (unit >= "0" && unit <= "9");
    const isSign = unit === "." || unit === "-" || unit === "_";
    if (!isWord && (at === 0 || !isSign)) return false;
  }
  return true;
}

/** Whether a key of the shared store has no control characters. */
export function isPlainKey(key: string): boolean {
  for (let at = 0; at < key.length; at++) if ((key[at] ?? "") < " ") return false;
  return true;
}

/** The topic to which a key of the shared store belongs: what stands before its first `/`, or all of it. */
export function topicOfKey(key: string): string {
  let topic = "";
  for (let at = 0; at < key.length && key[at] !== "/"; at++) topic += key[at];
  return topic;
}
