import { completionScript, SHELLS } from "../parser/completion.ts";
import { done, misuse, type Verb } from "../verb/verb.ts";

/** `verbs` is asked when the verb runs: it is one of them. */
export function completionVerb(verbs: () => readonly Verb[]): Verb {
  return {
    name: "completion",
    summary: "print the script with which a shell completes verbs, flags and names",
    args: [{ name: "SHELL", about: "bash, zsh or fish", choices: SHELLS }],
    async run({ io, args }) {
      const shell = SHELLS.find((each) => each === args[0]);
      if (shell === undefined) return misuse(`the shell is one of ${SHELLS.join(", ")}`);
      io.stdout.write(completionScript(shell, verbs()));
      return done;
    },
  };
}
