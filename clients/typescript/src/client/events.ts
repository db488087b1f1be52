//! Listeners by name.

/** Calls every listener of a name; what one throws is reported and does not keep it from the others. */
export class Listeners<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  constructor(readonly report: (error: unknown) => void) {}

  /** Adds a listener; what is returned takes it away. */
  add<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all);
    // Each call is a listener of its own, also with a function that is one already.
    const own = (event: Events[Name]) => listener(event);
    all.add(own);
    return () => void all.delete(own);
  }

  tell<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    // Those that are added meanwhile are not told.
    const now = [...(this.#listeners.get(name) ?? [])];
    for (const listener of now) {
      try {
        listener(event as never);
      } catch (error) {
        this.report(error);
      }
    }
  }
}
