/** The tokens of JavaScript and TypeScript, as far as finding imports needs them. Comments and blanks are passed over. */
export interface Token {
  readonly kind: "word" | "string" | "other";
  readonly text: string;
  readonly offset: number;
}

/** After these a slash begins a regular expression. */
const BEFORE_REGEX = /(?:^|[([{,;=:!&|?+\-*%<>~^}]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield))$/;
/** Blanks, comments, words, numbers, strings, and any other single character. */
const PIECE =
  /\s+|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*|\d[\w.]*|"(?:[^"\\\n]|\\[\s\S])*"?|'(?:[^'\\\n]|\\[\s\S])*'?|[\s\S]/uy;

/** Linear in the length of the text. What stands in a regular expression or a template's text is no token. */
export function tokens(text: string): Generator<Token> {
  return new Tokenizer(text).run();
}

class Tokenizer {
  #at = 0;
  /** The last token, by which a slash is known. */
  #last = "";
  /** Depth of braces inside each open `${`. */
  readonly #templates: number[] = [];

  constructor(private readonly text: string) {}

  *run(): Generator<Token> {
    while (this.#at < this.text.length) {
      const offset = this.#at;
      const found = this.#piece();
      if (/^(?:\s|\/\/|\/\*)/.test(found)) continue;
      const first = found.charAt(0);
      if (first === "/" && BEFORE_REGEX.test(this.#last)) {
        this.#at = endOfRegex(this.text, this.#at);
        this.#last = "0";
        continue;
      }
      const kind = first === '"' || first === "'" ? "string" : /^[\p{ID_Start}$_#]/u.test(found) ? "word" : "other";
      // The brace that closes a `${` belongs to the template: the others come in pairs.
      if (first !== "}" || this.#templates.at(-1) !== 0) yield { kind, text: found, offset };
      if (kind === "other") this.#bracket(first);
      this.#last = first === "`" ? "0" : found;
    }
  }

  #piece(): string {
    PIECE.lastIndex = this.#at;
    const found = PIECE.exec(this.text)?.[0] ?? this.text.charAt(this.#at);
    this.#at += found.length;
    return found;
  }

  /** Templates: a backtick begins one, the brace that closes a `${` goes on with it. */
  #bracket(char: string): void {
    const open = this.#templates.length - 1;
    const depth = this.#templates[open] ?? 0;
    if (char === "`") this.#skipTemplate();
    else if (open < 0) return;
    else if (char === "{") this.#templates[open] = depth + 1;
    else if (char === "}" && depth > 0) this.#templates[open] = depth - 1;
    else if (char === "}") {
      this.#templates.pop();
      this.#skipTemplate();
    }
  }

  /** To the end of the template or to its next `${`. */
  #skipTemplate(): void {
    for (; this.#at < this.text.length; this.#at += 1) {
      const char = this.text[this.#at];
      if (char === "\\") this.#at += 1;
      else if (char === "`") {
        this.#at += 1;
        return;
      } else if (char === "$" && this.text[this.#at + 1] === "{") {
        this.#templates.push(0);
        this.#at += 2;
        return;
      }
    }
  }
}

function endOfRegex(text: string, start: number): number {
  let inClass = false;
  for (let at = start; at < text.length; at += 1) {
    const char = text[at];
    if (char === "\n") return at;
    if (char === "\\") at += 1;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return at + 1;
  }
  return text.length;
}
