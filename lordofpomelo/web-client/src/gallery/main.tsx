import { drawChunk } from "../art/ground";
import { standing } from "../art/scatter";
import { PROPS } from "../art/props";
import { at, shadow } from "../art/pen";
import { sampleScene } from "./sample-scene";
const root = document.getElementById("root");
const biome = (new URLSearchParams(location.search).get("biome") ?? "desert") as "desert";
const scene = sampleScene(biome);
const c = document.createElement("canvas"); c.width = 1536; c.height = 1024; root?.append(c);
const q = c.getContext("2d")!; q.lineJoin = q.lineCap = "round";
const t = performance.now();
for (let i = 0; i < 3; i++) for (let j = 0; j < 2; j++) q.drawImage(drawChunk(scene, i, j), i * 512, j * 512);
console.log("chunk ms", (performance.now() - t) / 6);
for (const s of standing(scene)) { if (s.x > 1700 || s.y > 1200) continue; const p = PROPS[s.prop]!; at(q, s.x, s.y, 0, () => { shadow(q, 0, 0, p.shade[0], p.shade[1]); p.draw(q, s.seed); }, s.size); }
