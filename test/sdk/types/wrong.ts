/**
 * Uses of the sdk that must not compile. Never run: each line below a `@ts-expect-error` is an error of a plugin author, and
 * `bun run types` fails as soon as one of them compiles.
 */
import { type CommandContext, definePlugin, defineTexts, PermissionDenied, Plugin, PluginError, type TaskRun } from "zephyrgate";

interface Config {
  readonly place: string;
  readonly alarm: { readonly level: number };
}

export class WrongHooks extends Plugin {
  // @ts-expect-error the name comes from the manifest
  override name = "mine";
  // @ts-expect-error a hook takes no argument
  override initialize(_context: CommandContext) {}
  // @ts-expect-error the health check answers with a boolean
  override healthCheck() {
    return "fine";
  }
  // @ts-expect-error the keys are a list of strings
  override onConfigChanged(_keys: number) {}
  // @ts-expect-error there is no such hook to override
  override onStart() {}
}

export class WrongCommands extends Plugin {
  override initialize() {
    // @ts-expect-error a command needs a handler
    this.registerCommand("hello");
    // @ts-expect-error the name is a string
    this.registerCommand(7, () => "hi");
    // @ts-expect-error a handler is a function
    this.registerCommand("hello", "hi");
    // @ts-expect-error arguments are strings
    this.registerCommand("hello", (args: number[]) => `${args.length}`);
    // @ts-expect-error a handler gets arguments and context, no third value
    this.registerCommand("hello", (_args: string[], _context: CommandContext, more: string) => more);
    // @ts-expect-error the context is no string
    this.registerCommand("hello", (_args: string[], context: string) => context);
    // @ts-expect-error an unknown option
    this.registerCommand("hello", () => "hi", { description: "Say hello" });
    // @ts-expect-error aliases are a list
    this.registerCommand("hello", () => "hi", { aliases: "h" });
    // @ts-expect-error a priority is a number
    this.registerCommand("hello", () => "hi", { priority: "high" });
    // @ts-expect-error adminOnly is a boolean
    this.registerCommand("hello", () => "hi", { adminOnly: "yes" });
    // @ts-expect-error what the context says of the sender cannot be changed
    this.registerCommand("hello", (_args, context) => (context.senderId = "!00000001"));
    // @ts-expect-error the context has no such field
    this.registerCommand("hello", (_args, context) => context.nodeId);
    // @ts-expect-error session data are JSON: no functions
    this.registerCommand("hello", (_args, context) => (context.sessionData.run = () => {}));
    // @ts-expect-error a handle has dispose, nothing else
    this.registerCommand("hello", () => "hi").remove();
  }
}

export class WrongRegistrations extends Plugin {
  override initialize() {
    // @ts-expect-error keywords are no regular expressions
    this.registerKeyword(/good morning/, () => "hi");
    // @ts-expect-error keywords have no aliases
    this.registerKeyword("good morning", () => "hi", { aliases: ["morning"] });
    // @ts-expect-error the first argument of a message handler is the message
    this.registerMessageHandler((words: string[]) => words.length);
    // @ts-expect-error no such kind of message
    this.registerMessageHandler(() => {}, { kinds: ["voice"] });
    // @ts-expect-error kinds are a list
    this.registerMessageHandler(() => {}, { kinds: "text" });
    // @ts-expect-error the options of a task come before its handler
    this.registerScheduledTask("poll", () => {}, { interval: 60 });
    // @ts-expect-error an interval is a number of seconds
    this.registerScheduledTask("poll", { interval: "10m" }, () => {});
    // @ts-expect-error an unknown option
    this.registerScheduledTask("poll", { every: 60 }, () => {});
    // @ts-expect-error runs have no such reason
    this.registerScheduledTask("poll", { interval: 60 }, (run: TaskRun) => run.reason === "weekly");
    // @ts-expect-error a menu item needs a label
    this.registerMenuItem("main", () => "hi");
    // @ts-expect-error the order of a menu item is a number
    this.registerMenuItem("main", "Tides", () => "hi", { order: "first" });
    // @ts-expect-error a menu handler gets the context alone
    this.registerMenuItem("main", "Tides", (_words: string[], _context: CommandContext) => "hi");
    // @ts-expect-error a plugin message has no sender address
    this.registerPluginMessageHandler((message) => message.from);
    // @ts-expect-error an event has a name
    this.onEvent(() => {});
    // @ts-expect-error an event handler gets the data alone
    this.onEvent("alert", (_type: string, _data: string) => {});
  }
}

export class WrongMessages extends Plugin {
  override async start() {
    // @ts-expect-error a text is a string
    await this.sendMessage(42);
    // @ts-expect-error the recipient is one option of several
    await this.sendMessage("hi", "!0a0b0c0d");
    // @ts-expect-error the option is called destination
    await this.sendMessage("hi", { to: "broadcast" });
    // @ts-expect-error no such priority
    await this.sendMessage("hi", { priority: "urgent" });
    // @ts-expect-error an answer names a packet by its number
    await this.sendMessage("hi", { replyTo: "!0a0b0c0d" });
    // @ts-expect-error wantAck is a boolean
    await this.sendMessage("hi", { wantAck: 1 });
    // @ts-expect-error the answer is a promise
    this.sendMessage("hi").id;
    // @ts-expect-error the data of an event are JSON
    await this.emitEvent("weather.changed", () => {});
    // @ts-expect-error a message to a plugin has a type
    await this.sendToPlugin("weather");
    // @ts-expect-error the timeout is an option
    await this.sendToPlugin("weather", "temperature", null, 5);
  }
}

export class WrongData extends Plugin {
  override async start() {
    // @ts-expect-error a stored value is JSON: a Date is none
    await this.storeData("at", new Date());
    // @ts-expect-error a stored value is JSON: undefined is none
    await this.storeData("at", undefined);
    // @ts-expect-error a stored value is JSON: a bigint is none
    await this.storeData("at", 1n);
    // @ts-expect-error a key is a string
    await this.storeData(1, "one");
    // @ts-expect-error the time to live is an option
    await this.storeData("at", 1, 60);
    // @ts-expect-error the time to live is a number of seconds
    await this.storeData("at", 1, { ttl: "1h" });
    // @ts-expect-error the fallback decides the type
    const count: string = await this.retrieveData("count", 0);
    // @ts-expect-error without a fallback there may be nothing
    const found: number = await this.retrieveData("count");
    // @ts-expect-error what is stored comes as a promise
    const late: number = this.retrieveData("count", 0);
    // @ts-expect-error the answer is a boolean
    const deleted: string = await this.deleteData("count");
    return [count, found, late, deleted];
  }
}

export class WrongDatabase extends Plugin {
  override async start() {
    // @ts-expect-error parameters are single values, no list
    await this.db.query("SELECT * FROM a WHERE b = ?", ["x"]);
    // @ts-expect-error a parameter is no object
    await this.db.run("INSERT INTO a VALUES (?)", { b: 1 });
    // @ts-expect-error a parameter is no Date
    await this.db.run("INSERT INTO a VALUES (?)", new Date());
    // @ts-expect-error each statement is a list
    await this.db.transaction(["DELETE FROM a"]);
    // @ts-expect-error versions are a list
    await this.db.migrate("CREATE TABLE a (b)");
    // @ts-expect-error there is no exec
    await this.db.exec("DELETE FROM a");
    // @ts-expect-error rows come as a promise
    this.db.query("SELECT 1").length;
    // @ts-expect-error the database cannot be replaced
    this.db = { ...this.db };
  }
}

export class WrongHttp extends Plugin {
  override async start() {
    // @ts-expect-error an address is a string
    await this.httpGet(new URL("https://example.org"));
    // @ts-expect-error GET has no body
    await this.httpGet("https://example.org", { data: "x" });
    // @ts-expect-error values of the query are simple
    await this.httpGet("https://example.org", { params: { list: [1, 2] } });
    // @ts-expect-error a timeout is a number of seconds
    await this.httpGet("https://example.org", { timeout: "8s" });
    // @ts-expect-error headers are strings
    await this.httpPost("https://example.org", { headers: { "x-count": 1 } });
    // @ts-expect-error the body is called data
    await this.httpPost("https://example.org", { body: "x" });
    const answer = await this.httpGet("https://example.org");
    // @ts-expect-error data are there only when ok
    return answer.data;
  }
}

export class WrongConfig extends Plugin<Config> {
  override start() {
    // @ts-expect-error no such key
    this.getConfig("palce");
    // @ts-expect-error no such key below
    this.getConfig("alarm.levle");
    // @ts-expect-error the place is a string
    const place: number = this.getConfig("place");
    // @ts-expect-error the default has the type of the value
    this.getConfig("alarm.level", "three");
    return place;
  }
  // @ts-expect-error the configuration is this plugin's own
  override onConfigChanged(_keys: string[], _config: { readonly other: string }) {}
}

export class WrongRest extends Plugin {
  override async start() {
    // @ts-expect-error a configuration of unknown type may hold anything
    const place: string = this.getConfig("place");
    // @ts-expect-error no such style
    this.formatTime(new Date(), { style: "long" });
    // @ts-expect-error a time is a Date or a number
    this.formatTime("2026-01-01");
    // @ts-expect-error a secret may be missing
    const secret: string = await this.getSecret("api_key");
    // @ts-expect-error a node may be unknown
    (await this.getNodeInfo("!0a0b0c0d")).longName;
    // @ts-expect-error no such level
    this.log.fatal("over");
    // @ts-expect-error the state is one of three words
    return [place, secret, this.permissions.query("http_requests") === "allowed"];
  }
}

// @ts-expect-error a setup function is needed
definePlugin();
// @ts-expect-error the plugin is an object
definePlugin((plugin: string) => plugin.length);
// @ts-expect-error an error has a message
new PluginError("not_found");
// @ts-expect-error a refusal names scope and hint
new PermissionDenied("http_requests");

export class WrongEvents extends Plugin {
  override initialize() {
    // @ts-expect-error no such event of the gateway, and no plugin.event
    this.onEvent("mesage_received", () => {});
    // @ts-expect-error the payload has no such field
    this.onEvent("message_status", (event) => event.status);
    // @ts-expect-error a node is named by text
    this.onEvent("message_received", (message) => message.from.toFixed());
    // @ts-expect-error an event of a plugin carries its data below data
    this.onEvent("weather.changed", (event) => event.celsius);
  }

  override async start() {
    // @ts-expect-error an event is named plugin.event
    await this.emitEvent("changed");
  }
}

export class WrongTimes extends Plugin {
  override initialize() {
    // @ts-expect-error interval or cron, not both
    this.registerScheduledTask("poll", { interval: 60, cron: "0 8 * * *" }, () => {});
    // @ts-expect-error interval or cron, one of them
    this.registerScheduledTask("poll", {}, () => {});
    // @ts-expect-error a time zone goes with cron
    this.registerScheduledTask("poll", { interval: 60, timezone: "Europe/Berlin" }, () => {});
    // @ts-expect-error the answer may be null
    this.registerCommand("ask", async (_args, context): Promise<string> => await context.ask("Well?"));
    // @ts-expect-error the wait is an option
    this.registerCommand("ask", (_args, context) => context.ask("Well?", 30));
  }
}

export class WrongChannels extends Plugin {
  override async start() {
    // @ts-expect-error channels are 0 to 7
    await this.sendMessage("hi", { channel: 9 });
    // @ts-expect-error channels are 0 to 7
    await this.sendMessage("hi", { channel: -1 });
    // @ts-expect-error no such permission
    this.permissions.query("send_message");
    // @ts-expect-error no such code
    if (new PluginError("quota_exceeded", "x").code === "quota_exceded") return;
    // @ts-expect-error no such permission
    if (new PermissionDenied("secrets", null, "").permission === "secret") return;
  }
}

export class WrongValues extends Plugin {
  override async start() {
    // @ts-expect-error a function cannot be stored
    await this.storeData("x", { run: () => 1 });
    // @ts-expect-error a Map cannot be stored
    await this.storeData("x", { seen: new Map<string, number>() });
    // @ts-expect-error a Date below cannot be stored
    await this.storeData("x", [{ at: new Date() }]);
    // @ts-expect-error a promise cannot be stored: an await is missing
    await this.storeData("x", this.retrieveData("y", 0));
  }
}

export class WrongTexts extends Plugin {
  speak() {
    const t = defineTexts({ en: { hello: "Hello {name}", plain: "Nothing" }, de: { hello: "Moin {name}", plain: "Nichts" } })(
      this.language,
    );
    // @ts-expect-error there is no such text
    t("hallo");
    // @ts-expect-error the text has a placeholder
    t("hello");
    // @ts-expect-error the placeholder has another name
    t("hello", { who: "Ridge" });
    // @ts-expect-error the text has no placeholder
    t("plain", { name: "Ridge" });
    // @ts-expect-error German lacks a text
    defineTexts({ en: { hello: "Hello", plain: "Nothing" }, de: { hello: "Moin" } });
  }
}

export class WrongRegion extends Plugin {
  override async initialize() {
    // @ts-expect-error a handler is a function
    this.region.subscribe("scores", "hello");
    // @ts-expect-error a topic is a string
    await this.region.publish(7, "hello");
    // @ts-expect-error what JSON cannot say cannot be sent
    await this.region.publish("scores", new Date());
    // @ts-expect-error a site is named by its id, a string
    await this.region.publish("scores", 1, { site: 7 });
    // @ts-expect-error a message is never changed
    this.region.subscribe("scores", (message) => (message.body = 1));
    // @ts-expect-error what JSON cannot say cannot be stored
    await this.storeShared("key", () => 1);
    // @ts-expect-error an unknown option
    await this.storeShared("key", 1, { until: 5 });
    // @ts-expect-error it may not be there
    (await this.retrieveShared<string>("key")).trim();
    // @ts-expect-error the region itself cannot be replaced
    this.region = null;
  }
}
