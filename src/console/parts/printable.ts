/** Bidirectional and other invisible controls are shown as a replacement sign, so that a text cannot look like another. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, "\u25af");
}
