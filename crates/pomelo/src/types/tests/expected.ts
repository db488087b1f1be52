// The messages of this game's servers and clients, written by `pomelo types` from the route table.
// Not to be edited: change the types in Rust and write it again.

/** Is the same on both sides, but for what it holds. */
export interface Bag {
  items: Item[];
}

/** Is the same on both sides, but for what it holds. */
export interface BagInput {
  items: ItemInput[];
}

/** Who comes in. */
export interface Enter {
  /** Name in the room. */
  userName: string;
  chatId?: string | null;
  quiet?: boolean;
  "max-items": number;
  any: unknown;
  scores: Record<string, number>;
  place: [number, string];
  kind: Kind2;
  items: (ItemInput | null)[];
}

export type Event = {
  what: "Moved";
  x: number;
} | Item & {
  what: "Found";
} | {
  what: "Left";
};

/** Has a default, so that it is read otherwise than it is written. */
export interface Item {
  n: number;
  next: Item | null;
}

/** Has a default, so that it is read otherwise than it is written. */
export interface ItemInput {
  n?: number;
  next?: ItemInput | null;
}

export type Kind2 = "warrior" | "mage";

/** A name that TypeScript has already. */
export type Record2 = string;

export type Users = string[] | number;

/** What clients ask, and what they are answered. */
export interface Routes {
  "area.bag-handler.pack": { req: BagInput; res: Bag };
  "connector.entryHandler.enter": { req: Enter; res: Users };
  "connector.entryHandler.leave": { req: void; res: void };
  "connector.entryHandler.secret": { req: unknown; res: unknown };
}

/** What servers push. */
export interface Pushes {
  "onDictionary": unknown;
  "onEvent": Event[];
  "onRecord": Record2;
}

/** All of it, for `new Client<Messages>(...)`. */
export interface Messages {
  routes: Routes;
  pushes: Pushes;
}

/** The names of the routes: server type, handler, method. */
export const ROUTES = {
  area: {
    "bag-handler": {
      pack: "area.bag-handler.pack",
    },
  },
  connector: {
    entryHandler: {
      enter: "connector.entryHandler.enter",
      leave: "connector.entryHandler.leave",
      secret: "connector.entryHandler.secret",
    },
  },
} as const;
