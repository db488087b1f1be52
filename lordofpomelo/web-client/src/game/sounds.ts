//! Short sounds, made when they are heard. Silent until the first click, as browsers want it; only then is the player loaded.

type Player = typeof import("zzfx");

export type Sound = "hit" | "hurt" | "kill" | "pick" | "level" | "click" | "open" | "die" | "revive" | "chat" | "quest" | "skill" | "no";

const SOUNDS: Readonly<Record<Sound, readonly (number | undefined)[]>> = {
  hit: [0.6, 0.1, 180, 0.01, 0.01, 0.08, 4, 1.6, -6],
  hurt: [0.7, 0.1, 110, 0.01, 0.03, 0.12, 3, 1.2, -3],
  kill: [0.7, 0.05, 240, 0.02, 0.06, 0.25, 2, 1.4, -4, undefined, -60, 0.06],
  pick: [0.6, 0, 660, 0, 0.04, 0.12, 1, 1.6, undefined, undefined, 330, 0.05],
  level: [0.9, 0, 392, 0.03, 0.25, 0.45, 1, 1.5, undefined, undefined, 196, 0.09, 0.08],
  click: [0.25, 0, 520, 0, 0.01, 0.03, 1, 1.2],
  open: [0.3, 0, 320, 0.01, 0.02, 0.06, 1, 1.2, 8],
  die: [0.9, 0.02, 220, 0.05, 0.3, 0.6, 2, 1.2, -3, -0.5],
  revive: [0.8, 0, 260, 0.1, 0.3, 0.5, 1, 1.2, 4],
  chat: [0.25, 0, 780, 0, 0.02, 0.05, 1, 1.3],
  quest: [0.7, 0, 523, 0.02, 0.12, 0.3, 1, 1.4, undefined, undefined, 130, 0.07],
  skill: [0.7, 0.1, 300, 0.02, 0.1, 0.2, 3, 1.3, 6, undefined, undefined, undefined, undefined, 0.4],
  no: [0.4, 0, 140, 0.01, 0.04, 0.08, 3, 1],
};

/** The same sound is not heard twice within this time. */
const AGAIN_MS = 45;

export class Sounds {
  readonly #heardAt = new Map<Sound, number>();
  #player: Player | undefined;
  #asked = false;
  volume = 0.5;
  on = true;

  /** Somebody clicked: from now on it may be heard. */
  wake(): void {
    if (this.#asked) return;
    this.#asked = true;
    import("zzfx").then(
      (player) => {
        this.#player = player;
      },
      // No sound is no reason to stop playing.
      () => undefined,
    );
  }

  play(sound: Sound): void {
    const player = this.#player;
    if (player === undefined || !this.on) return;
    const now = performance.now();
    if (now - (this.#heardAt.get(sound) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
    this.#heardAt.set(sound, now);
    player.ZZFX.volume = this.volume * 0.4;
    player.zzfx(...SOUNDS[sound]);
  }
}
