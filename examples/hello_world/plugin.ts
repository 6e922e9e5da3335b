import { type CommandContext, Plugin } from "zephyrgate";

export default class HelloWorld extends Plugin {
  override initialize() {
    this.registerCommand("hello", this.hello, { help: "Say hello", usage: "hello [name]" });
  }

  hello(args: string[], context: CommandContext) {
    const name = args.length > 0 ? args.join(" ") : context.senderName;
    return `Hello ${name}!`;
  }
}
