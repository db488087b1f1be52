//! The style guide: every drawing there is.

import { useEffect, useRef, useState } from "preact/hooks";
import { EFFECTS, EFFECT_FRAMES, EFFECT_SIDE, drawEffect } from "../art/effects";
import { type Moment, POSES, paint } from "../art/figure";
import { MOBS, figureOf } from "../art/figures";
import { equipmentIcon, itemIcon, skillIcon } from "../art/icons";
import { at, shadow } from "../art/pen";
import { HEROES, PEOPLE } from "../art/people";
import { PROP_KINDS, propOf } from "../art/props";
import { LYING, drawLying } from "../art/lying";
import type { Biome } from "../art/scene";
import type { Equipment, Tables } from "../protocol/messages";
import { tables } from "./sample";
import "./guide.css";

function Picture({ kind, moment, zoom }: { kind: number; moment: Moment; zoom: number }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const figure = figureOf(kind);
  const [width, height] = [Math.ceil(figure.width * zoom), Math.ceil(figure.height * zoom)];
  useEffect(() => {
    const pen = ref.current?.getContext("2d");
    if (pen === null || pen === undefined) return;
    pen.lineJoin = pen.lineCap = "round";
    pen.setTransform(zoom, 0, 0, zoom, 0, 0);
    paint(pen, figure, moment);
  }, []);
  return <canvas ref={ref} width={width} height={height} />;
}

function Drawn({ width, height, draw, label }: { width: number; height: number; draw: (pen: CanvasRenderingContext2D) => void; label: string }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const pen = ref.current?.getContext("2d");
    if (pen === null || pen === undefined) return;
    pen.lineJoin = pen.lineCap = "round";
    draw(pen);
  }, []);
  return <figure><canvas ref={ref} width={width} height={height} /><figcaption>{label}</figcaption></figure>;
}

const MOMENTS: readonly Moment[] = POSES.flatMap((pose) => [false, true].map((back) => ({ pose, back, t: pose === "die" ? 1 : pose === "attack" ? 0.55 : 0.25 })));
const BIOMES: readonly Biome[] = ["desert", "oasis", "ice", "arena", "cave"];

export function Guide({ shows }: { shows: readonly string[] }) {
  const [data, setData] = useState<Tables>();
  useEffect(() => void tables().then(setData), []);
  return (
    <main class="guide" data-testid="guide">
      <h1>Lord of Pomelo: gallery</h1>
      <p>{shows.map((name) => <a key={name} href={`?show=${name}`}>{name}</a>)}</p>
      <p>{["desert", "oasis", "ice", "arena", "cave"].map((area) => <a key={area} href={`?show=world&area=${area}`}>{area}</a>)}</p>
      <h2>Heroes</h2>
      {HEROES.map((kind) => <div key={kind} class="strip">{MOMENTS.map((moment) => <Picture key={`${moment.pose}${moment.back}`} kind={kind} moment={moment} zoom={1.3} />)}</div>)}
      <h2>Mobs</h2>
      {Object.keys(MOBS).map(Number).map((kind) => <div key={kind} class="strip">{MOMENTS.map((moment) => <Picture key={`${moment.pose}${moment.back}`} kind={kind} moment={moment} zoom={kind === 203 ? 0.6 : 0.9} />)}</div>)}
      <h2>People</h2>
      <div class="strip">{Object.keys(PEOPLE).map(Number).filter((kind) => kind > 300).map((kind) => <Picture key={kind} kind={kind} moment={{ pose: "stand", t: 0.1, back: false }} zoom={1.2} />)}</div>
      <h2>Items, equipment, skills</h2>
      <div class="strip icons">{Object.keys(data?.item ?? {}).map((id) => <span key={id} class="slot full quality-white"><img src={itemIcon(Number(id))} alt="" /></span>)}</div>
      <div class="strip icons">{Object.values((data?.equipment ?? {}) as Record<string, Equipment>).map(({ id, kind, color, name }) => <span key={id} class={`slot full quality-${color}`} title={name}><img src={equipmentIcon(kind, id)} alt="" /></span>)}</div>
      <div class="strip icons">{[1, 2, 3, 4, 5, 6, 7, 8].map((id) => <span key={id} class="slot"><img src={skillIcon(id)} alt="" /></span>)}</div>
      <h2>Effects</h2>
      {EFFECTS.map((effect) => (
        <div key={effect} class="strip dark"><Drawn width={EFFECT_SIDE * 3} height={EFFECT_SIDE / 2} label={effect} draw={(pen) => {
          for (let i = 0; i < 6; i++) at(pen, 48 + i * 96, 48, 0, () => drawEffect(pen, effect, (i * 2) / EFFECT_FRAMES), 0.5);
        }} /></div>
      ))}
      <h2>Scenery</h2>
      {BIOMES.map((biome) => (
        <div key={biome} class={`strip ${biome}`}>
          {PROP_KINDS.flatMap((kind) => {
            const prop = propOf(kind, biome);
            return prop === undefined || (biome !== "desert" && kind !== "boulder") ? [] : [
              <Drawn key={kind} width={Math.ceil(prop.width * 0.8)} height={Math.ceil(prop.height * 0.8)} label={kind} draw={(pen) => at(pen, prop.width * 0.4, prop.foot * 0.8, 0, () => {
                shadow(pen, 4, 0, prop.shade[0], prop.shade[1]);
                prop.draw(pen, 2);
              }, 0.8)} />,
            ];
          })}
          {[...LYING].map((kind) => <Drawn key={kind} width={90} height={64} label={kind} draw={(pen) => at(pen, 45, 42, 0, () => drawLying(pen, kind, 3, biome))} />)}
        </div>
      ))}
    </main>
  );
}
