import { cutText } from "zephyrgate";

/** Control characters, line breaks, and those that turn the direction of writing: a second line could pass for a text of somebody else. */
const DISTURBING = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;
const NAME_BYTES = 20;

/** What somebody wrote, as one line. */
export function cleanText(text: string): string {
  return text.replace(DISTURBING, " ").trim();
}

/** A sender's name, so that the text behind it cannot look like another one's. */
export function cleanName(name: string): string {
  return cutText(cleanText(name.replaceAll("@", " ")), NAME_BYTES);
}
