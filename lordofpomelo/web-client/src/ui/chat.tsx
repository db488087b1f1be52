//! The talk: four scopes, and what the world says.

import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../text/text";
import type { Scope } from "../world/talk";
import { useGame } from "./context";
import { Glyph } from "./glyphs";

const SCOPES: readonly Scope[] = ["all", "area", "team", "private"];
const LONGEST = 100;

export function ChatBox() {
  const game = useGame();
  const { chat, me } = game.world;
  const { deeds } = game;
  const [scope, setScope] = useState<Scope>("all");
  const [only, setOnly] = useState<Scope | undefined>(undefined);
  const [text, setText] = useState("");
  const [to, setTo] = useState("");
  const [open, setOpen] = useState(() => window.innerWidth > 760);
  const [seen, setSeen] = useState(0);
  const list = useRef<HTMLOListElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const last = chat.at(-1)?.id ?? 0;
  useEffect(() => {
    if (list.current !== null) list.current.scrollTop = list.current.scrollHeight;
    if (open) setSeen(last);
  }, [last, open, only]);
  useEffect(() => {
    if (deeds.whisperTo === "") return;
    whisper(deeds.whisperTo);
    deeds.whisperTo = "";
  });
  const whisper = (name: string) => {
    setScope("private");
    setTo(name);
    setOpen(true);
    input.current?.focus();
  };
  const send = (event: Event) => {
    event.preventDefault();
    if (text.trim() === "") return input.current?.blur();
    if (deeds.say(scope, text, to)) setText("");
  };
  if (!open)
    return (
      <button class="chat-open panel-small" data-testid="chat-open" aria-label={t("chat.say")} onClick={() => setOpen(true)}>
        <Glyph name="chat" />
        {last > seen && <i class="hint" />}
      </button>
    );
  const lines = chat.filter((line) => only === undefined || line.scope === only || line.scope === "system");
  return (
    <section class="chat panel-small" data-testid="chat">
      <nav>
        <button class={only === undefined ? "chosen" : ""} onClick={() => setOnly(undefined)}>●</button>
        {SCOPES.map((one) => (
          <button key={one} class={`scope-${one} ${only === one ? "chosen" : ""}`} data-testid={`chat-tab-${one}`} onClick={() => {
            setOnly(one);
            setScope(one);
          }}>{t(`chat.${one}`)}</button>
        ))}
        <button class="fold" aria-label={t("menu.close")} onClick={() => setOpen(false)}><Glyph name="close" size={14} /></button>
      </nav>
      <ol ref={list} data-testid="chat-lines">
        {lines.map(({ id, scope: kind, from, content, to: whom, playerId }) => (
          <li key={id} class={`scope-${kind}`}>
            {kind === "system" ? <i>{content}</i> : (
              <>
                <small>[{t(`chat.${kind}`)}]</small>{" "}
                <button class="who" disabled={playerId === me?.playerId} onClick={() => whisper(from)}>{from}{whom === undefined ? "" : ` → ${whom}`}</button>: <span>{content}</span>
              </>
            )}
          </li>
        ))}
      </ol>
      <form onSubmit={send}>
        <select class={`scope-${scope}`} value={scope} data-testid="chat-scope" aria-label={t("chat.to")} onChange={(event) => setScope(event.currentTarget.value as Scope)}>
          {SCOPES.map((one) => <option key={one} value={one}>{t(`chat.${one}`)}</option>)}
        </select>
        {scope === "private" && <input class="whom" value={to} placeholder={t("chat.to")} data-testid="chat-to" maxLength={16} onInput={(event) => setTo(event.currentTarget.value)} />}
        <input ref={input} value={text} placeholder={t("chat.say")} data-testid="chat-input" maxLength={LONGEST} autocomplete="off" onInput={(event) => setText(event.currentTarget.value)} />
        <button class="send" aria-label={t("chat.send")} data-testid="chat-send"><Glyph name="send" size={16} /></button>
      </form>
    </section>
  );
}
