//! The map in the corner: what can be walked on, and who is in sight. A click walks there.

import { useEffect, useRef } from "preact/hooks";
import { areaOf } from "../game/areas";
import type { Game } from "../game/game";
import { t } from "../text/text";
import { positionAt } from "../world/entity";
import type { Grid } from "../world/grid";
import { useGame } from "./context";

const COLORS = { mob: "#ff6a4a", npc: "#8ae0ff", player: "#fff2b0", item: "#ffd04a", equipment: "#ffd04a" } as const;

/** How the ground of a map is coloured: free, blocked. */
const LANDS: Readonly<Record<string, readonly [string, string]>> = {
  desert: ["#d9b077", "#7a5636"], oasis: ["#8fb864", "#2f7f86"], ice: ["#dbe9f4", "#5b8db8"], arena: ["#bfa784", "#4a3626"], cave: ["#7d6d84", "#241d2c"],
};

const drawn = new WeakMap<Grid, HTMLCanvasElement>();

function land(grid: Grid, biome: string): HTMLCanvasElement {
  const known = drawn.get(grid);
  if (known !== undefined) return known;
  const canvas = document.createElement("canvas");
  canvas.width = grid.columns;
  canvas.height = grid.rows;
  const pen = canvas.getContext("2d");
  const [free, blocked] = LANDS[biome] ?? ["#d9b077", "#7a5636"];
  if (pen !== null) {
    pen.fillStyle = free;
    pen.fillRect(0, 0, grid.columns, grid.rows);
    pen.fillStyle = blocked;
    for (let c = 0; c < grid.columns; c++) for (let r = 0; r < grid.rows; r++) if (!grid.free(c, r)) pen.fillRect(c, r, 1, 1);
  }
  drawn.set(grid, canvas);
  return canvas;
}

/** Who stays where he is has his name on the large map. */
function names(pen: CanvasRenderingContext2D, { world, tables }: Game, zoom: number, dpr: number): void {
  pen.font = `bold ${(11 * dpr) / zoom}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.lineWidth = (3 * dpr) / zoom;
  for (const entity of world.entities.values()) {
    if (entity.sort !== "npc") continue;
    const y = entity.y - (8 * dpr) / zoom;
    pen.strokeText(tables.nameOf(entity), entity.x, y);
    pen.fillStyle = "#d6f6ff";
    pen.fillText(tables.nameOf(entity), entity.x, y);
  }
}

/** How much of the map the small one shows. */
const SMALL_SPAN_PX = 2_400;

export function MiniMap() {
  const game = useGame();
  const ref = useRef<HTMLCanvasElement>(null);
  const big = game.settings.bigMap;
  const area = areaOf(game.world.mapName);
  const size = useRef({ zoom: 1, left: 0, top: 0 });
  useEffect(() => {
    let stopped = false;
    const draw = () => {
      const canvas = ref.current;
      const { grid, hero, entities, me, target } = game.world;
      const pen = canvas?.getContext("2d");
      if (canvas === null || pen === null || pen === undefined || grid === undefined || hero === undefined) return;
      const now = performance.now();
      const box = canvas.getBoundingClientRect();
      const dpr = Math.min(2, window.devicePixelRatio);
      const [w, h] = [Math.round(box.width * dpr), Math.round(box.height * dpr)];
      if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
      const at = positionAt(hero, now);
      const zoom = big ? Math.min(w / grid.width, h / grid.height) : w / Math.min(SMALL_SPAN_PX, Math.max(grid.width, grid.height));
      const left = big ? -(w / zoom - grid.width) / 2 : Math.max(0, Math.min(grid.width - w / zoom, at.x - w / zoom / 2));
      const top = big ? -(h / zoom - grid.height) / 2 : Math.max(0, Math.min(grid.height - h / zoom, at.y - h / zoom / 2));
      size.current = { zoom: zoom / dpr, left, top };
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.fillStyle = "#160d08";
      pen.fillRect(0, 0, w, h);
      pen.setTransform(zoom, 0, 0, zoom, -left * zoom, -top * zoom);
      pen.imageSmoothingEnabled = true;
      pen.drawImage(land(grid, area?.biome ?? "desert"), 0, 0, grid.columns * 20, grid.rows * 20);
      pen.lineWidth = (1.4 * dpr) / zoom;
      pen.strokeStyle = "rgba(30,14,6,.8)";
      for (const entity of entities.values()) {
        if (entity.diedAt !== undefined || entity.entityId === me?.entityId) continue;
        const p = positionAt(entity, now);
        const friend = entity.sort === "player" && hero.teamId !== 0 && entity.teamId === hero.teamId;
        pen.fillStyle = friend ? "#6ad0ff" : COLORS[entity.sort];
        pen.beginPath();
        const r = ((entity.sort === "npc" || entity.entityId === target ? 4 : entity.sort === "player" ? 3.4 : 2.7) * dpr) / zoom;
        if (entity.sort === "npc") pen.rect(p.x - r, p.y - r, r * 2, r * 2);
        else pen.arc(p.x, p.y, r, 0, Math.PI * 2);
        pen.fill();
        pen.stroke();
      }
      if (big) names(pen, game, zoom, dpr);
      pen.fillStyle = "#fff";
      pen.beginPath();
      pen.arc(at.x, at.y, (4.2 * dpr) / zoom, 0, Math.PI * 2);
      pen.fill();
      pen.stroke();
    };
    draw();
    const timer = setInterval(() => {
      if (!stopped) draw();
    }, 200);
    return () => {
      stopped = true;
      clearInterval(timer);
    };
  }, [big, game, area?.biome]);
  const ping = game.pingMs;
  const quality = game.link.kind !== "open" ? "bad" : ping === undefined || ping < 120 ? "good" : ping < 300 ? "fair" : "bad";
  return (
    <section class={`minimap ${big ? "big" : ""}`} data-testid="minimap">
      <header>
        <b>{area === undefined ? game.world.mapName : t(area.key)}</b>
        <span class={`ping ${quality}`} data-testid="ping" title={ping === undefined ? "" : t("link.open", { ms: ping })}><i /><i /><i />{ping === undefined ? "" : t("link.ping", { ms: ping })}</span>
      </header>
      <canvas ref={ref} onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        const { zoom, left, top } = size.current;
        game.deeds.walk({ x: left + (event.clientX - box.left) / zoom, y: top + (event.clientY - box.top) / zoom });
      }} />
      <button class="map-size" aria-label={t("help.map")} title={`${t("help.map")} (M)`} onClick={() => game.set({ bigMap: !big })}>{big ? "−" : "+"}</button>
    </section>
  );
}
