//! Types of routes and pushes, as `pomelo types` writes them, and what a client makes of them. Types only.

/** The routes and pushes of a game: what `pomelo types` calls `Messages`. */
export interface MessageTypes {
  /** Requests and notifies by route: what is sent and what is answered. */
  readonly routes: object;
  /** Pushes by name: what is pushed. */
  readonly pushes: object;
}

/** Any message, of any type: for clients without generated types. */
export interface AnyMessages extends MessageTypes {
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly routes: { readonly [route: string]: { req: any; res: any } };
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly pushes: { readonly [name: string]: any };
}

/** The names of the routes. */
export type RouteOf<M extends MessageTypes> = keyof M["routes"] & string;

/** The names of the pushes. */
export type PushOf<M extends MessageTypes> = keyof M["pushes"] & string;

/** What is sent on a route. */
export type RequestOf<M extends MessageTypes, R extends RouteOf<M>> = M["routes"][R] extends { req: infer Req } ? Req : never;

/** What is answered on a route. */
export type AnswerOf<M extends MessageTypes, R extends RouteOf<M>> = M["routes"][R] extends { res: infer Res } ? Res : never;

/** What is pushed under a name. */
export type PushedOf<M extends MessageTypes, P extends PushOf<M>> = M["pushes"][P];

/** The body as an argument: it can be left out where nothing is to be said. */
export type BodyArgs<Req, Rest extends unknown[]> =
  undefined extends Req ? [body?: Req, ...rest: Rest]
  : void extends Req ? [body?: undefined, ...rest: Rest]
  : [body: Req, ...rest: Rest];
