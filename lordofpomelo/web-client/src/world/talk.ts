//! What people say, and where: the four scopes and their signs on the wire.

/** Scopes of the chat; the server knows them by what once were their colours. */
export const SCOPES = { all: "D41313", area: "F7A900", team: "0897f7", private: "279106" } as const;

export type Scope = keyof typeof SCOPES;

export interface Talk {
  readonly id: number;
  readonly scope: Scope | "system";
  readonly from: string;
  readonly playerId: number;
  readonly content: string;
  /** Said by the own player to somebody. */
  readonly to?: string;
}

/** Older lines go. */
export const CHAT_LINES_MAX = 200;

export function scopeOf(sign: string): Scope {
  return (Object.keys(SCOPES) as Scope[]).find((scope) => SCOPES[scope] === sign) ?? "all";
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'", "#39": "'", "#x27": "'" };

/** The server writes markup's signs as entities, for clients that show HTML. This one shows text. */
export function plain(text: string): string {
  return text.replaceAll(/&(lt|gt|amp|quot|apos|#39|#x27);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
