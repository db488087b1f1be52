//! The frame of every panel, and bars.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Panel as PanelName } from "../game/game";
import { t } from "../text/text";
import { useGame } from "./context";
import { Glyph } from "./glyphs";

/** The panels that are open, side by side. Where another has no room the oldest goes. */
export function Windows({ children }: { children: ComponentChildren }) {
  const game = useGame();
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const shown = [...(ref.current?.children ?? [])].filter((child) => child instanceof HTMLElement);
    const [oldest] = game.panels;
    if (shown.length < 2 || oldest === undefined || shown.every(({ offsetTop }) => offsetTop === shown[0]?.offsetTop)) return;
    game.panels.delete(oldest);
    game.changed();
  });
  return <div class="windows" ref={ref}>{children}</div>;
}

export function Panel({ name, title, children, foot, wide }: { name: PanelName; title: string; children: ComponentChildren; foot?: ComponentChildren; wide?: boolean }) {
  const game = useGame();
  const ref = useRef<HTMLElement>(null);
  useEffect(() => {
    // Tab goes on from here. Who is writing goes on writing.
    if (!(document.activeElement instanceof HTMLInputElement)) ref.current?.focus({ preventScroll: true });
  }, []);
  return (
    <section ref={ref} tabIndex={-1} class={`panel window window-${name} ${wide === true ? "wide" : ""}`} data-testid={`panel-${name}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <button class="close" aria-label={t("menu.close")} data-testid={`close-${name}`} onClick={() => game.toggle(name)}><Glyph name="close" size={18} /></button>
      </header>
      <div class="window-body">{children}</div>
      {foot !== undefined && <footer>{foot}</footer>}
    </section>
  );
}

export function Bar({ kind, have, most, label, words }: { kind: "hp" | "mp" | "exp" | "foe"; have: number; most: number; label: string; words?: boolean }) {
  const part = most > 0 ? Math.max(0, Math.min(1, have / most)) : 0;
  return (
    <div class={`bar ${kind}`} role="meter" aria-label={label} aria-valuenow={have} aria-valuemax={most} data-testid={`bar-${kind}`}>
      <i style={{ width: `${part * 100}%` }} />
      {words !== false && <span>{have} / {most}</span>}
    </div>
  );
}
