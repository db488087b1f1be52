// The messages of this game's servers and clients, written by `pomelo types` from the route table.
// Not to be edited: change the types in Rust and write it again.

/** How to bench. */
export interface Bench {
  /** How many pushes. */
  n?: number | null;
  /** Comes back in each push. */
  t?: unknown;
  /** Comes back in each push. */
  msg?: unknown;
}

/** One push of a bench. */
export interface Benched {
  /** Grows by one with each. */
  seq: number;
  /** As it was sent. */
  t?: unknown;
  /** As it was sent. */
  msg?: unknown;
}

/** An answer that is only a code. */
export interface Code {
  /** 200. */
  code: number;
}

/** Answer to [`COUNTED`]. */
export interface Counted {
  /** 200. */
  code: number;
  /** How often. */
  n: number;
}

/** Any text. */
export interface Echo {
  /** What to say back. */
  msg?: unknown;
}

/** The same text. */
export interface Echoed {
  /** 200. */
  code: number;
  /** What was said. */
  msg?: unknown;
}

/** Who comes in, and where. */
export interface Enter {
  /** Name in the room. */
  username: string;
  /** The room. */
  rid: string;
  /** The chat server to use, if it matters. */
  chatId?: string | null;
  /** Only the number of users is wanted, not their names. */
  quiet?: boolean;
}

/** Who is in the room, or code 500 if somebody of that name is. */
export interface Entered {
  /** 200 or 500. */
  code: number;
  /** Everybody in the room, the one who came in too. */
  users?: Users | null;
  /** Set if it did not work. */
  error?: boolean;
}

/** Where to connect: code 200 with host and port, or code 500. */
export interface Entry {
  /** 200 or 500. */
  code: number;
  /** Host of the connector. */
  host?: string | null;
  /** Its port for clients. */
  port?: number | null;
}

/** One number. */
export interface Item {
  /** The number. */
  n?: number;
}

/** Why to be kicked. */
export interface KickMe {
  /** Shown to the client. */
  reason?: string | null;
}

/** What to write into the session. */
export interface Mark {
  /** Any value. */
  mark: unknown;
}

/** What stands in the session. */
export interface Marked {
  /** 200. */
  code: number;
  /** The value. */
  mark: unknown;
}

/** Who asks. */
export interface QueryEntry {
  /** Any text that differs between clients. */
  uid?: string;
}

/** What was said. */
export interface Said {
  /** The text. */
  msg: string;
  /** Who said it. */
  from: string;
  /** `*`, or the name of the only one who hears it. */
  target: string;
  /** Grows by one with each message of this chat server. */
  seq: number;
}

/** What to say, to whom. */
export interface Say {
  /** The text. */
  content: string;
  /** `*` for everybody in the room, or a name. */
  target: string;
}

/** A list of numbers. */
export interface Score {
  /** Comes back as a tag. */
  name: string;
  /** What to add up. */
  items?: Item[];
}

/** The sum. */
export interface Scored {
  /** 200. */
  code: number;
  /** The sum. */
  delta: number;
  /** One half. */
  ratio: number;
  /** `a`, `b`, and the name that was sent. */
  tags: string[];
}

/** Somebody, by name. */
export interface User {
  /** The name. */
  user: string;
}

/** The users of a room. */
export type Users = string[] | number;

/** What clients ask, and what they are answered. */
export interface Routes {
  "chat.chatHandler.bench": { req: Bench; res: Code };
  "chat.chatHandler.echo": { req: Echo; res: Echoed };
  "chat.chatHandler.kickUid": { req: void; res: Code };
  "chat.chatHandler.mark": { req: Mark; res: Marked };
  "chat.chatHandler.score": { req: Score; res: Scored };
  "chat.chatHandler.send": { req: Say; res: void };
  "connector.entryHandler.count": { req: void; res: void };
  "connector.entryHandler.counted": { req: void; res: Counted };
  "connector.entryHandler.echo": { req: Echo; res: Echoed };
  "connector.entryHandler.enter": { req: Enter; res: Entered };
  "connector.entryHandler.fail": { req: void; res: void };
  "connector.entryHandler.kickMe": { req: KickMe; res: Code };
  "gate.gateHandler.queryEntry": { req: QueryEntry; res: Entry };
}

/** What servers push. */
export interface Pushes {
  "onAdd": User;
  "onBench": Benched;
  "onChat": Said;
  "onLeave": User;
}

/** All of it, for `new Client<Messages>(...)`. */
export interface Messages {
  routes: Routes;
  pushes: Pushes;
}

/** The names of the routes: server type, handler, method. */
export const ROUTES = {
  chat: {
    chatHandler: {
      bench: "chat.chatHandler.bench",
      echo: "chat.chatHandler.echo",
      kickUid: "chat.chatHandler.kickUid",
      mark: "chat.chatHandler.mark",
      score: "chat.chatHandler.score",
      send: "chat.chatHandler.send",
    },
  },
  connector: {
    entryHandler: {
      count: "connector.entryHandler.count",
      counted: "connector.entryHandler.counted",
      echo: "connector.entryHandler.echo",
      enter: "connector.entryHandler.enter",
      fail: "connector.entryHandler.fail",
      kickMe: "connector.entryHandler.kickMe",
    },
  },
  gate: {
    gateHandler: {
      queryEntry: "gate.gateHandler.queryEntry",
    },
  },
} as const;
