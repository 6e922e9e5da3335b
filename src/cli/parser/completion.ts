import { COMMON, type Flag, type Values, type Verb } from "../verb/verb.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** A place on the command line: a verb, a group, or the beginning (no words). */
interface Place {
  readonly words: readonly string[];
  /** What may follow as a word of the verb's name, with its description. */
  readonly next: ReadonlyMap<string, string>;
  readonly flags: readonly (readonly [string, Flag])[];
  readonly args: Verb["args"];
}

/** A script for the shell. It is a fixed text, so that completion does not start the program, but to list plugins' names. */
export function completionScript(shell: Shell, verbs: readonly Verb[]): string {
  const places = placesOf(verbs);
  if (shell === "fish") return fish(places);
  return shell === "bash" ? bash(places) : zsh(places);
}

function placesOf(verbs: readonly Verb[]): Place[] {
  const found = new Map<string, { words: string[]; next: Map<string, string>; verb: Verb | null }>();
  const at = (words: string[]) => {
    const key = words.join(" ");
    const known = found.get(key) ?? { words, next: new Map<string, string>(), verb: null };
    found.set(key, known);
    return known;
  };
  for (const verb of verbs) {
    const words = verb.name.split(" ");
    at(words).verb = verb;
    for (const [index, word] of words.entries()) {
      const isLast = index === words.length - 1;
      const { next } = at(words.slice(0, index));
      if (isLast || !next.has(word)) next.set(word, isLast ? verb.summary : `verbs of ${words.slice(0, index + 1).join(" ")}`);
    }
  }
  at([]).next.set("help", "describe a verb");
  return [...found.values()].map(({ words, next, verb }) => ({
    words,
    next,
    flags: Object.entries<Flag>({
      ...verb?.flags,
      ...without(COMMON, verb?.flags ?? {}),
      help: { about: "describe it", short: "h" },
    }).filter(([, { hidden }]) => hidden !== true),
    args: verb?.args,
  }));
}

function without(table: Readonly<Record<string, Flag>>, names: object): Record<string, Flag> {
  return Object.fromEntries(Object.entries(table).filter(([name]) => !Object.hasOwn(names, name)));
}

/** Where the words so far lead, as a shell function for bash and zsh: the longest known path. */
function walk(places: readonly Place[], words: string): string {
  const known = places.filter((place) => place.words.length > 0).map((place) => `"${place.words.join(" ")}"`);
  return `  local at="" word
  for word in ${words}; do
    case "\${at:+$at }$word" in
      ${known.join(" | ")}) at="\${at:+$at }$word" ;;
    esac
  done`;
}

/** The branches, for bash and zsh, of a word that is the value of the flag before it. */
function valueCases(places: readonly Place[], offer: (values: Values | undefined, choices?: readonly string[]) => string): string[] {
  return places.flatMap(({ words, flags }) =>
    flags
      .filter(([, flag]) => flag.value !== undefined)
      .map(([name, { short, values, choices }]) => {
        const names = [`--${name}`, ...(short === undefined ? [] : [`-${short}`])].map((each) => `"${[...words, each].join(" ")}"`);
        return `    ${names.join(" | ")}) ${offer(values, choices)}; return ;;`;
      }),
  );
}

const LIST_PLUGINS = "zephyrgate plugin list --names 2>/dev/null";

function bash(places: readonly Place[]): string {
  const offer = (values: Values | undefined, choices?: readonly string[]) => {
    if (choices !== undefined) return `offer -W "${choices.join(" ")}"`;
    if (values === "plugin") return `offer -W "$(${LIST_PLUGINS})"`;
    return values === undefined ? ":" : `compopt -o filenames 2>/dev/null; offer ${values === "file" ? "-f" : "-d"}`;
  };
  const following = places.map(({ words, next, flags, args }) => {
    const options = flags.map(([name]) => `--${name}`).join(" ");
    const values = args?.map((each) => offer(each.values, each.choices)).filter((each) => each !== ":");
    const offered = [...(next.size === 0 ? [] : [`offer -W "${[...next.keys()].join(" ")}"`]), ...(values ?? []).slice(0, 1)];
    return `    "${words.join(" ")}") if [[ $current == -* ]]; then offer -W "${options}"; else ${offered.join("; ") || ":"}; fi ;;`;
  });
  return `# Completion of zephyrgate for bash.
_zephyrgate() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  offer() {
    local found
    while IFS= read -r found; do COMPREPLY+=("$found"); done < <(compgen "$@" -- "$current")
  }
${walk(places, `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`)}
  case "\${at:+$at }$before" in
${valueCases(places, offer).join("\n")}
  esac
  case "$at" in
${following.join("\n")}
  esac
}
complete -F _zephyrgate zephyrgate
`;
}

function zsh(places: readonly Place[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const described = (name: string, about: string) => quoted(`${name.replaceAll(":", "\\:")}:${about}`);
  const offer = (values: Values | undefined, choices?: readonly string[]) => {
    if (choices !== undefined) return `compadd -- ${choices.join(" ")}`;
    if (values === "plugin") return `compadd -- \${(f)"$(${LIST_PLUGINS})"}`;
    return values === undefined ? ":" : values === "file" ? "_files" : "_files -/";
  };
  const following = places.map(({ words, next, flags, args }) => {
    const names = [...next].map(([name, about]) => described(name, about));
    const options = flags.map(([name, { about }]) => described(`--${name}`, about));
    const values = args?.map((each) => offer(each.values, each.choices)).find((each) => each !== ":");
    return `    "${words.join(" ")}")
      names=(${names.join(" ")})
      options=(${options.join(" ")})
      ${values ?? ":"} ;;`;
  });
  return `#compdef zephyrgate
# Completion of zephyrgate for zsh.
_zephyrgate() {
  local -a names options
  local before=\${words[CURRENT - 1]}
${walk(places, `"\${(@)words[2,CURRENT - 1]}"`)}
  case "\${at:+$at }$before" in
${valueCases(places, offer).join("\n")}
  esac
  case "$at" in
${following.join("\n")}
  esac
  (( $#names )) && _describe verb names
  _describe -o option options
}
compdef _zephyrgate zephyrgate
`;
}

function fish(places: readonly Place[]): string {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const wanted = (values: Values | undefined, choices?: readonly string[]) => {
    if (choices !== undefined) return ` -a ${quoted(choices.join(" "))}`;
    if (values === "plugin") return ` -a ${quoted(`(${LIST_PLUGINS})`)}`;
    return values === undefined ? "" : values === "file" ? " -F" : ` -a '(__fish_complete_directories)'`;
  };
  const lines = places.flatMap(({ words, next, flags, args }) => {
    const here = `complete -c zephyrgate -n ${quoted(`__zephyrgate_at ${quoted(words.join(" "))}`)}`;
    const values = args?.map((each) => wanted(each.values, each.choices)).find((each) => each !== "");
    return [
      ...[...next].map(([name, about]) => `${here} -a ${name} -d ${quoted(about)}`),
      ...flags.map(([name, { short, about, value, values: kind, choices }]) => {
        const letter = short === undefined ? "" : ` -s ${short}`;
        return `${here} -l ${name}${letter}${value === undefined ? "" : `${kind === "file" ? " -r" : " -x"}${wanted(kind, choices)}`} -d ${quoted(about)}`;
      }),
      ...(values === undefined ? [] : [here + values]),
    ];
  });
  const known = places.filter((place) => place.words.length > 0).map((place) => quoted(place.words.join(" ")));
  return `# Completion of zephyrgate for fish.
function __zephyrgate_at
    set -l at
    for word in (commandline -opc)[2..-1]
        contains -- (string join -- ' ' $at $word) ${known.join(" ")}
        and set -a at $word
    end
    test "$at" = "$argv[1]"
end
complete -c zephyrgate -f
${lines.join("\n")}
`;
}
